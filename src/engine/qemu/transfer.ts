// Exports layers as standalone files, and imports such files. An imported file is not trusted, like
// a base: it is checked before any tool opens it, and read as QEMU's user under limits on memory,
// time and bytes written. The file itself is never used; its content is copied into a new file.

import { createReadStream, createWriteStream } from 'node:fs';
import { chown, mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { assertHoldsDisk, headBytes } from '../../domain/disk-kind.ts';
import { failedForGood } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import { usualCompression } from '../../domain/transfer.ts';
import { fileContent, headOf } from '../../lib/content.ts';
import { exists, moveDurably, syncPath } from '../../lib/files.ts';
import { newId } from '../../lib/new-id.ts';
import { type Exported, type ExportSpec, type ImportSpec, partsOf } from '../optional/transfer.ts';
import type { RootBoot } from '../port/layers.ts';
import type { QemuUser } from './confine.ts';
import {
  createOverlay,
  layerBytes,
  makeImmutable,
  makeImmutableIfSame,
  storedBytes,
} from './disk-file.ts';
import { readLayerState, writeLayerState } from './firmware-state.ts';
import { convertDisk } from './foreign/convert.ts';
import { takeDisk } from './foreign/intake.ts';
import { giveTo, type Host } from './host.ts';
import type { Paths } from './paths.ts';
import { virtualBytesOf } from './qcow2.ts';
import { copyMs, qemuImg, rebase, TooLarge } from './qemu-img.ts';
import { fileBytes, folderBytes, withinRoom } from './room.ts';
import { takeIn, writeOut, writeSparse } from './source.ts';
import { outputOf, packers } from './stream-tool.ts';

export async function exportLayer(
  spec: ExportSpec,
  signal: AbortSignal,
  paths: Paths,
  { user }: Host,
): Promise<Exported> {
  const { layerId, to } = spec;
  const layer = paths.layer(layerId);
  if (!(await exists(layer)))
    throw failedForGood('A layer of this image is missing.', { detail: layerId });
  const part = join(paths.builds, `${newId()}.export`);
  const made: Made = { part, spec, signal, paths, user };
  try {
    await writeDisk(made);
    if (process.getuid?.() === 0) await chown(part, 0, 0);
    const tail = await appendTail(part, spec, paths, signal);
    const whole = await packed(made);
    await syncPath(whole);
    const { size: bytes } = await stat(whole);
    const firmwareState = await readLayerState(paths.layerState(layerId));
    if (to.path === undefined) {
      await to.write(createReadStream(whole), signal);
      return { bytes, heldBytes: bytes, tail, firmwareState };
    }
    await moveDurably(whole, to.path, signal);
    return { bytes, heldBytes: await storedBytes(to.path), tail, firmwareState };
  } finally {
    await rm(part, { force: true });
    if (packerOf(spec)) await rm(packedOf(part), { force: true });
  }
}

interface Made {
  part: string;
  spec: ExportSpec;
  signal: AbortSignal;
  paths: Paths;
  user: QemuUser;
}

/** With -W the clusters are compressed at the same time, and lie in the order in which they are
 * done; otherwise each waits until the one before it is written. */
const clusters = {
  zstd: ['-c', '-W', '-o', 'compression_type=zstd'],
  gzip: ['-c', '-W'],
  none: [],
};

async function writeDisk({ part, spec, signal, paths, user }: Made): Promise<void> {
  const { layerId, chain, format, compression = usualCompression(format), bytesMax } = spec;
  const layer = paths.layer(layerId);
  await writeFile(part, '', { mode: 0o600 });
  await giveTo(user, part);
  const options = format === 'qcow2' ? clusters[compression] : [];
  const args = ['convert', '-q', '-f', 'qcow2', '-O', format, ...options, layer, part];
  const timeoutMs = copyMs(await virtualBytesOf(layer));
  // A raw file is as long as the disk, but its holes take no room.
  const limit = format === 'raw' ? Number.MAX_SAFE_INTEGER : bytesMax;
  const layers = chain.map(paths.layer);
  await withinRoom(paths.builds, { bytesMax: limit, signal }, (limits) =>
    qemuImg(args, user, paths.builds, {
      timeoutMs,
      layers,
      ...limits,
      ...(format === 'raw' && { bytesMax: limit }),
    }),
  );
}

/** The tool that compresses the whole file; null: it is not compressed. */
const packerOf = ({ format, compression = usualCompression(format) }: ExportSpec) =>
  format === 'raw' && compression !== 'none' ? packers[compression] : null;

const packedOf = (part: string) => `${part}.packed`;

/** The file of the export: a raw disk is compressed with what follows it. Returns its path. */
async function packed({ part, spec, signal, paths, user }: Made): Promise<string> {
  const packer = packerOf(spec);
  if (packer === null) return part;
  const to = packedOf(part);
  const tool = { ...packer, path: part, user, cwd: paths.builds };
  await withinRoom(paths.builds, { bytesMax: spec.bytesMax, signal }, (limits) =>
    writeSparse(outputOf(tool, limits.signal), to, ({ heldBytes }) => {
      if (heldBytes > limits.bytesMax) throw new TooLarge('compressing');
    }),
  );
  await rm(part);
  return to;
}

/**
 * Lets the kernel and the initrd follow the disk, for a chain that boots with them; null for a
 * chain that boots from its disk.
 */
async function appendTail(
  file: string,
  { boot, baseLayerId }: RootBoot,
  paths: Paths,
  signal: AbortSignal,
) {
  if (boot.mode !== 'direct') return null;
  const [kernel, initrd] = [paths.kernel(baseLayerId), paths.initrd(baseLayerId)];
  for (const from of [kernel, initrd])
    await pipeline(createReadStream(from), createWriteStream(file, { flags: 'a' }), { signal });
  return { kernelBytes: (await stat(kernel)).size, initrdBytes: (await stat(initrd)).size };
}

interface Importing {
  layerId: LayerId;
  signal: AbortSignal;
  paths: Paths;
  user: QemuUser;
}

export async function importLayer(
  spec: ImportSpec,
  signal: AbortSignal,
  paths: Paths,
  { user }: Host,
): Promise<{ virtualBytes: number; storedBytes: number }> {
  const { layerId, disk, wanted, parentId, bytesMax } = spec;
  assertHoldsDisk(await headOf(disk, headBytes), disk.bytes);
  const importing = { layerId, signal, paths, user };
  const folder = paths.build(layerId);
  const overlay = overlayOf(importing);
  await rm(folder, { recursive: true, force: true });
  await rm(overlay, { force: true });
  await mkdir(folder, { mode: 0o711 });
  try {
    const source = join(folder, 'source');
    const whole = join(folder, 'whole.qcow2');
    const written = async () => {
      const layerBytes = await fileBytes(parentId === null ? whole : overlay);
      const inFolder = parentId === null ? layerBytes : 0;
      return { scratchBytes: (await folderBytes(folder)) - inFolder, layerBytes };
    };
    const growing = spec.room ? { room: spec.room, written } : null;
    const scratchRoom = { bytesMax: Number.MAX_SAFE_INTEGER, signal, growing };
    const layerRoom = { bytesMax, signal, growing };
    let { kernel, initrd } = spec;
    /** Takes what follows the disk off a file that was compressed as a whole. */
    const cut = async (path: string) => {
      const parts = partsOf(await fileContent(path), spec.tail ?? null);
      const files = { kernel: parts.kernel, initrd: parts.initrd };
      for (const name of ['kernel', 'initrd'] as const) {
        const [part, to] = [files[name], join(folder, `${name}.cut`)];
        if (part) await writeOut(part, to, signal);
        if (part) files[name] = await fileContent(to);
      }
      ({ kernel, initrd } = files);
      await truncate(path, parts.disk.bytes);
    };
    const found = await withinRoom(paths.builds, scratchRoom, async (limits) => {
      await takeIn(disk, source, { signal: limits.signal, mayLink: true });
      return takeDisk(source, { folder, user, wanted, cut, ...limits });
    });
    const wholeRoom = parentId === null ? layerRoom : scratchRoom;
    const virtualBytes = await withinRoom(paths.builds, wholeRoom, (limits) =>
      convertDisk(found, whole, { user, ...limits }),
    );
    // A layer on a base boots with the kernel of that base.
    const moveBeside = await takeBeside(
      parentId === null ? { kernel, initrd } : {},
      folder,
      importing,
    );
    if (parentId === null) await makeImmutable(whole);
    else await keepDifference({ whole, virtualBytes, parentId, room: layerRoom }, importing);
    await moveBeside();
    if (spec.firmwareState) await writeLayerState(paths.layerState(layerId), spec.firmwareState);
    const layer = paths.layer(layerId);
    await moveDurably(parentId === null ? whole : overlay, layer);
    return { virtualBytes, storedBytes: await layerBytes(paths, layerId) };
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(overlay, { force: true });
  }
}

const overlayOf = ({ layerId, paths }: Importing) => join(paths.builds, `${layerId}.qcow2`);

/** Takes in a kernel and an initrd; the function moves them beside the layer. */
async function takeBeside(
  { kernel, initrd }: Partial<ImportSpec>,
  folder: string,
  { layerId, signal, paths }: Importing,
): Promise<() => Promise<void>> {
  const moves: [from: string, to: string][] = [];
  for (const [content, part, place] of [
    [kernel, join(folder, 'kernel'), paths.kernel(layerId)],
    [initrd, join(folder, 'initrd'), paths.initrd(layerId)],
  ] as const) {
    if (content === undefined) continue;
    await writeOut(content, part, signal);
    await makeImmutable(part);
    moves.push([part, place]);
  }
  return async () => {
    for (const [from, to] of moves) await moveDurably(from, to);
  };
}

/**
 * Makes an empty overlay on the whole disk and rebases it onto the parent, so that it gets only the
 * difference. It is immutable then.
 */
async function keepDifference(
  {
    whole,
    virtualBytes,
    parentId,
    room,
  }: {
    whole: string;
    virtualBytes: number;
    parentId: LayerId;
    room: Parameters<typeof withinRoom>[1];
  },
  importing: Importing,
): Promise<void> {
  const { layerId, signal, paths, user } = importing;
  const overlay = overlayOf(importing);
  await createOverlay(overlay, `${layerId}/whole.qcow2`, virtualBytes, user, signal);
  await withinRoom(paths.builds, room, async (limits) => {
    const layers = [whole, paths.layer(parentId)];
    const options = { timeoutMs: copyMs(2 * virtualBytes), layers, ...limits };
    await rebase(overlay, paths.backing(parentId), user, paths.builds, options);
    await makeImmutableIfSame(overlay, whole, user, paths.builds, options);
  });
}
