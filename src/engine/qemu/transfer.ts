// Layers as files that stand alone, out and in. What comes in is mistrusted as a base is: looked at before any tool opens it, read as QEMU's
// user under limits on memory, time and what may be written, and never itself used: its content is copied into a file of our own.

import { chmod, chown, constants, copyFile, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { failedForGood } from '../../domain/error.ts';
import { exists, syncPath } from '../../lib/files.ts';
import type { Engine } from '../port.ts';
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
  { layerId, chain, format, path }: Parameters<Engine['exportLayer']>[0],
  signal: AbortSignal,
  paths: Paths,
  { user }: Host,
): Promise<number> {
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
    await syncPath(part);
    await rename(part, path);
    await syncPath(dirname(path));
    return (await stat(path)).size;
  } finally {
    await rm(part, { force: true });
  }
}

export async function importLayer(
  spec: Parameters<Engine['importLayer']>[0],
  paths: Paths,
  { user }: Host,
): Promise<{ virtualBytes: number; storedBytes: number }> {
  const { layerId, path, parentId, bytesMax } = spec;
  await inspectForeignDisk(path);
  const folder = paths.build(layerId);
  const overlay = join(paths.builds, `${layerId}.qcow2`);
  await rm(folder, { recursive: true, force: true });
  await rm(overlay, { force: true });
  await mkdir(folder, { mode: 0o711 });
  try {
    const source = join(folder, 'source');
    await copyFile(path, source, constants.COPYFILE_FICLONE);
    await chmod(source, 0o600);
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
