// Layers as files that stand alone, out and in. What comes in is mistrusted as a base is: looked at before any tool opens it, read as QEMU's
// user under limits on memory, time and what may be written, and never itself used: its content is copied into a file of our own.

import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, chown, constants, copyFile, mkdir, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { failedForGood, invalid } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import { exists, syncPath } from '../../lib/files.ts';
import type { ChainBoot, RootBoot, Tail } from '../port.ts';
import { giveTo, type Host } from './host.ts';
import {
  convertForeignDisk,
  createOverlay,
  diskFull,
  inspectForeignDisk,
  makeImmutable,
  qemuImg,
  storedBytes,
} from './image-file.ts';
import type { Paths } from './paths.ts';

const transferMs = 4 * 3600_000;

export async function exportLayer(
  spec: ChainBoot & { layerId: LayerId; format: 'qcow2' | 'raw'; path: string },
  signal: AbortSignal,
  paths: Paths,
  { user }: Host,
): Promise<{ bytes: number; tail: Tail | null }> {
  const { layerId, chain, format, path } = spec;
  const layer = paths.layer(layerId);
  if (!(await exists(layer))) throw failedForGood('A layer of this image is missing.', { detail: layerId });
  const part = join(paths.builds, `${basename(path)}.export`);
  try {
    await writeFile(part, '', { mode: 0o600 });
    await giveTo(user, part);
    const compressed = format === 'qcow2' ? ['-c', '-o', 'compression_type=zstd'] : [];
    const args = ['convert', '-q', '-f', 'qcow2', '-O', format, ...compressed, layer, part];
    const layers = chain.map(paths.layer);
    await qemuImg(args, user, paths.builds, { timeoutMs: transferMs, signal, layers });
    if (process.getuid?.() === 0) await chown(part, 0, 0);
    const tail = await appendTail(part, spec, paths, signal);
    await syncPath(part);
    await rename(part, path);
    await syncPath(dirname(path));
    return { bytes: (await stat(path)).size, tail };
  } finally {
    await rm(part, { force: true });
  }
}

/** Lets the kernel and the initrd follow the disk, for a chain that boots with them; null for one that boots by its firmware. */
async function appendTail(file: string, { boot, baseLayerId }: RootBoot, paths: Paths, signal: AbortSignal) {
  if (boot.mode !== 'direct') return null;
  const [kernel, initrd] = [paths.kernel(baseLayerId), paths.initrd(baseLayerId)];
  for (const from of [kernel, initrd])
    await pipeline(createReadStream(from), createWriteStream(file, { flags: 'a' }), { signal });
  return { kernelBytes: (await stat(kernel)).size, initrdBytes: (await stat(initrd)).size };
}

/** Cuts off what follows the disk in a file, and keeps it beside the layer when that stands alone. */
async function takeTail(
  file: string,
  { kernelBytes, initrdBytes }: Tail,
  into: { kernel: string; initrd: string } | null,
  signal: AbortSignal,
): Promise<void> {
  const { size } = await stat(file);
  const disk = size - kernelBytes - initrdBytes;
  if (disk <= 0)
    throw invalid(`The manifest tells of ${kernelBytes + initrdBytes} bytes after the disk, and the file has ${size}.`);
  const slice = async (start: number, bytes: number, to: string) => {
    await pipeline(createReadStream(file, { start, end: start + bytes - 1 }), createWriteStream(to), { signal });
    await makeImmutable(to);
  };
  if (into) {
    await slice(disk, kernelBytes, into.kernel);
    await slice(disk + kernelBytes, initrdBytes, into.initrd);
  }
  await truncate(file, disk);
}

export async function importLayer(
  spec: { layerId: LayerId; path: string; parentId: LayerId | null; tail: Tail | null; bytesMax: number },
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
    await copyFile(path, source, constants.COPYFILE_FICLONE);
    await chmod(source, 0o600);
    const beside = { kernel: join(folder, 'kernel'), initrd: join(folder, 'initrd') };
    if (tail) await takeTail(source, tail, parentId === null ? beside : null, signal);
    await giveTo(user, source);
    const whole = join(folder, 'whole.qcow2');
    const virtualBytes = await convertForeignDisk(source, await inspectForeignDisk(source), whole, user, bytesMax);
    let made = whole;
    if (parentId !== null) {
      // An empty overlay on the whole, moved over to the parent: what differs is all that it gets.
      await createOverlay(overlay, `${layerId}/whole.qcow2`, virtualBytes, user);
      const options = { timeoutMs: transferMs, bytesMax, layers: [whole, paths.layer(parentId)] };
      const rebase = ['rebase', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', paths.backing(parentId), overlay];
      await qemuImg(rebase, user, paths.builds, options);
      await qemuImg(['compare', '-q', '-f', 'qcow2', '-F', 'qcow2', whole, overlay], user, paths.builds, options);
      made = overlay;
    }
    await makeImmutable(made);
    if (tail && parentId === null) {
      await rename(beside.kernel, paths.kernel(layerId));
      await rename(beside.initrd, paths.initrd(layerId));
    }
    const layer = paths.layer(layerId);
    await rename(made, layer);
    await syncPath(dirname(layer));
    return { virtualBytes, storedBytes: await storedBytes(layer) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw diskFull(String(error));
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(overlay, { force: true });
  }
}
