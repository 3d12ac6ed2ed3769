// Layers as files that stand alone, out and in. What comes in is mistrusted as a base is: looked at
// before any tool opens it, read as QEMU's user under limits on memory, time and what may be
// written, and never itself used: its content is copied into a file of our own.

import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, chown, link, mkdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { failedForGood, invalid } from '../../domain/error.ts';
import { copySparse, exists, moveDurably, syncPath } from '../../lib/files.ts';
import type { Exported, ExportSpec, ImportSpec, Tail } from '../optional/transfer.ts';
import type { RootBoot } from '../port/layers.ts';
import { createOverlay, makeImmutable, storedBytes } from './disk-file.ts';
import { convertForeignDisk, inspectForeignDisk } from './foreign-disk.ts';
import { giveTo, type Host } from './host.ts';
import type { Paths } from './paths.ts';
import { virtualBytesOf } from './qcow2.ts';
import { copyMs, diskFull, qemuImg } from './qemu-img.ts';
import { withinRoom } from './room.ts';

export async function exportLayer(
  spec: ExportSpec,
  signal: AbortSignal,
  paths: Paths,
  { user }: Host,
): Promise<Exported> {
  const { layerId, chain, format, path, bytesMax } = spec;
  const layer = paths.layer(layerId);
  if (!(await exists(layer)))
    throw failedForGood('A layer of this image is missing.', { detail: layerId });
  const part = join(paths.builds, `${basename(path)}.export`);
  try {
    await writeFile(part, '', { mode: 0o600 });
    await giveTo(user, part);
    const compressed = format === 'qcow2' ? ['-c', '-o', 'compression_type=zstd'] : [];
    const args = ['convert', '-q', '-f', 'qcow2', '-O', format, ...compressed, layer, part];
    const timeoutMs = copyMs(await virtualBytesOf(layer));
    // A raw file is as long as the disk, and takes what is not a hole of it.
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
    if (process.getuid?.() === 0) await chown(part, 0, 0);
    const tail = await appendTail(part, spec, paths, signal);
    await syncPath(part);
    await moveDurably(part, path, signal);
    return { bytes: (await stat(path)).size, heldBytes: await storedBytes(path), tail };
  } finally {
    await rm(part, { force: true });
  }
}

/**
 * The file under a name in the engine's keeping, which QEMU's user may read and not write; a copy
 * where it is going to be cut.
 */
async function takeSource(
  path: string,
  source: string,
  cut: boolean,
  signal: AbortSignal,
): Promise<void> {
  const linked =
    !cut &&
    (await link(path, source).then(
      () => true,
      () => false,
    ));
  if (!linked) await copySparse(path, source, signal);
  await chmod(source, cut ? 0o644 : 0o444);
}

/**
 * Lets the kernel and the initrd follow the disk, for a chain that boots with them; null for one
 * that boots by its firmware.
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

/**
 * Cuts off what follows the disk in a file, and keeps it beside the layer when that stands alone.
 */
async function takeTail(
  file: string,
  { kernelBytes, initrdBytes }: Tail,
  into: { kernel: string; initrd: string } | null,
  signal: AbortSignal,
): Promise<void> {
  const { size } = await stat(file);
  const disk = size - kernelBytes - initrdBytes;
  if (disk <= 0)
    throw invalid(
      `The manifest tells of ${kernelBytes + initrdBytes} bytes after the disk, and the file has ${size}.`,
    );
  const slice = async (start: number, bytes: number, to: string) => {
    await pipeline(
      createReadStream(file, { start, end: start + bytes - 1 }),
      createWriteStream(to),
      { signal },
    );
    await makeImmutable(to);
  };
  if (into) {
    await slice(disk, kernelBytes, into.kernel);
    await slice(disk + kernelBytes, initrdBytes, into.initrd);
  }
  await truncate(file, disk);
}

export async function importLayer(
  spec: ImportSpec,
  signal: AbortSignal,
  paths: Paths,
  { user }: Host,
): Promise<{ virtualBytes: number; storedBytes: number }> {
  const { layerId, path, parentId, tail, bytesMax } = spec;
  if (!tail) await inspectForeignDisk(path);
  const folder = paths.build(layerId);
  const overlay = join(paths.builds, `${layerId}.qcow2`);
  await rm(folder, { recursive: true, force: true });
  await rm(overlay, { force: true });
  await mkdir(folder, { mode: 0o711 });
  try {
    const source = join(folder, 'source');
    await takeSource(path, source, tail !== null, signal);
    const beside = { kernel: join(folder, 'kernel'), initrd: join(folder, 'initrd') };
    if (tail) await takeTail(source, tail, parentId === null ? beside : null, signal);
    const whole = join(folder, 'whole.qcow2');
    const wholeMax = parentId === null ? bytesMax : Number.MAX_SAFE_INTEGER;
    const format = await inspectForeignDisk(source);
    const virtualBytes = await withinRoom(paths.builds, { bytesMax: wholeMax, signal }, (limits) =>
      convertForeignDisk(source, format, whole, user, limits),
    );
    let made = whole;
    if (parentId !== null) {
      // An empty overlay on the whole, moved over to the parent: what differs is all that it gets.
      await createOverlay(overlay, `${layerId}/whole.qcow2`, virtualBytes, user, signal);
      await withinRoom(paths.builds, { bytesMax, signal }, async (limits) => {
        const layers = [whole, paths.layer(parentId)];
        const options = { timeoutMs: copyMs(2 * virtualBytes), layers, ...limits };
        const rebase = [
          'rebase',
          '-q',
          '-f',
          'qcow2',
          '-F',
          'qcow2',
          '-b',
          paths.backing(parentId),
          overlay,
        ];
        await qemuImg(rebase, user, paths.builds, options);
        await qemuImg(
          ['compare', '-q', '-f', 'qcow2', '-F', 'qcow2', whole, overlay],
          user,
          paths.builds,
          options,
        );
      });
      made = overlay;
    }
    await makeImmutable(made);
    if (tail && parentId === null) {
      await moveDurably(beside.kernel, paths.kernel(layerId));
      await moveDurably(beside.initrd, paths.initrd(layerId));
    }
    const layer = paths.layer(layerId);
    await moveDurably(made, layer);
    return { virtualBytes, storedBytes: await storedBytes(layer) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw diskFull(String(error));
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(overlay, { force: true });
  }
}
