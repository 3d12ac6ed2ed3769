// Files that an operator gives: the disk of a base, which is judged and copied before it is used,
// and the files of recipes, which are kept under their digests.

import { constants } from 'node:fs';
import { copyFile, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, invalid } from '../../domain/error.ts';
import { assertRoom } from '../../domain/host.ts';
import { copySparse, exists, moveDurably, sha256File } from '../../lib/files.ts';
import type { FileSpec } from '../port/builds.ts';
import type { BaseSpec, ImportedBase } from '../port/layers.ts';
import { makeImmutable, storedBytes } from './disk-file.ts';
import { contentBytes, convertForeignDisk, inspectForeignDisk } from './foreign-disk.ts';
import { giveTo, type Host } from './host.ts';
import type { Paths } from './paths.ts';
import { capacityOf, withinRoom } from './room.ts';

export async function importBase(
  { layerId, ...files }: BaseSpec,
  signal: AbortSignal,
  paths: Paths,
  host: Host,
): Promise<ImportedBase> {
  for (const path of Object.values(files)) {
    const found = await stat(path).catch(() => null);
    if (!found?.isFile()) throw invalid(`${path} is not a file that can be read.`);
  }
  // Refused before it is even copied; and looked at again once copied, since the original may
  // change.
  const foundBytes = await contentBytes(files.disk, await inspectForeignDisk(files.disk), signal);
  assertRoom(await capacityOf(paths.builds), (await storedBytes(files.disk)) + foundBytes);
  const folder = join(paths.builds, `base-${layerId}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o711 });
  try {
    const source = join(folder, 'source');
    const target = join(folder, 'disk.qcow2');
    const limits = { bytesMax: Number.MAX_SAFE_INTEGER, signal };
    const { digest, virtualBytes } = await withinRoom(folder, limits, async (within) => {
      await copySparse(files.disk, source, within.signal);
      await giveTo(host.user, source);
      const sha256 = await sha256File(source, { signal: within.signal });
      const format = await inspectForeignDisk(source);
      return {
        digest: `sha256:${sha256}`,
        virtualBytes: await convertForeignDisk(source, format, target, host.user, within),
      };
    });
    for (const [from, to] of [
      [files.kernel, paths.kernel(layerId)],
      [files.initrd, paths.initrd(layerId)],
    ] as const) {
      if (from === undefined) continue;
      await copyFile(from, to);
      await makeImmutable(to);
    }
    await makeImmutable(target);
    await moveDurably(target, paths.layer(layerId));
    return { digest, virtualBytes, storedBytes: await storedBytes(paths.layer(layerId)) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new AppError('unavailable', "The host's disk is full; nothing was added.", {
        detail: String(error),
      });
    }
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function importFile(
  { sha256, path }: FileSpec,
  signal: AbortSignal,
  paths: Paths,
): Promise<void> {
  const target = paths.file(sha256);
  if (await exists(target)) return;
  const part = `${target}.part`;
  try {
    await copyFile(path, part, constants.COPYFILE_FICLONE);
    const digest = await sha256File(part, { signal });
    if (digest !== sha256)
      throw invalid(`The file ${path} has the digest ${digest}, not ${sha256}; it has changed.`);
    await makeImmutable(part);
    await moveDurably(part, target);
  } finally {
    await rm(part, { force: true });
  }
}
