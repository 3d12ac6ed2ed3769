// Files from the operator: the disk of a base, which is checked and copied before it is used, and
// the files of recipes, which are kept under their digests.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assertHoldsDisk, headBytes } from '../../domain/disk-kind.ts';
import { invalid } from '../../domain/error.ts';
import { assertRoom } from '../../domain/host.ts';
import { type Content, headOf } from '../../lib/content.ts';
import { exists, moveDurably, sha256File } from '../../lib/files.ts';
import type { FileSpec } from '../port/builds.ts';
import type { BaseSpec, ImportedBase } from '../port/layers.ts';
import type { Room } from '../port/room.ts';
import { makeImmutable, storedBytes } from './disk-file.ts';
import { convertDisk } from './foreign/convert.ts';
import { takeDisk } from './foreign/intake.ts';
import { giveTo, type Host } from './host.ts';
import type { Paths } from './paths.ts';
import { assertQcow2Whole } from './qcow2.ts';
import { capacityOf, fileBytes, folderBytes, withinRoom } from './room.ts';
import { takeIn, writeOut } from './source.ts';

export async function importBase(
  { layerId, disk, wanted, kernel, initrd, room }: BaseSpec,
  signal: AbortSignal,
  paths: Paths,
  host: Host,
): Promise<ImportedBase> {
  await assertRoomFor(disk, room, signal, paths);
  const folder = join(paths.builds, `base-${layerId}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o711 });
  try {
    const source = join(folder, 'source');
    const target = join(folder, 'disk.qcow2');
    const written = async () => {
      const layerBytes = await fileBytes(target);
      return { scratchBytes: (await folderBytes(folder)) - layerBytes, layerBytes };
    };
    const growing = room ? { room, written } : null;
    const limits = { bytesMax: Number.MAX_SAFE_INTEGER, signal, growing };
    const { digest, virtualBytes } = await withinRoom(folder, limits, async (within) => {
      await takeIn(disk, source, { signal: within.signal, mayLink: false });
      await giveTo(host.user, source);
      const sha256 = await sha256File(source, { signal: within.signal });
      const { user } = host;
      const found = await takeDisk(source, { folder, user, wanted, ...within });
      return {
        digest: `sha256:${sha256}`,
        virtualBytes: await convertDisk(found, target, { user, ...within }),
      };
    });
    for (const [from, to] of [
      [kernel, paths.kernel(layerId)],
      [initrd, paths.initrd(layerId)],
    ] as const) {
      if (from === undefined) continue;
      await rm(to, { force: true });
      await writeOut(from, to, signal);
      await makeImmutable(to);
    }
    await makeImmutable(target);
    await moveDurably(target, paths.layer(layerId));
    return { digest, virtualBytes, storedBytes: await storedBytes(paths.layer(layerId)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Refuses a file that holds no disk, or has no room, before a byte of it is copied. */
async function assertRoomFor(
  disk: Content,
  room: Room | undefined,
  signal: AbortSignal,
  paths: Paths,
): Promise<void> {
  // The copy is checked again later, because the original may change meanwhile.
  const found = assertHoldsDisk(await headOf(disk, headBytes), disk.bytes);
  const { path, bytes } = disk;
  const stored = path === undefined ? bytes : await storedBytes(path);
  const isQcow2 = found.kind === 'disk' && found.format === 'qcow2';
  const unpacked = isQcow2 && path !== undefined ? await assertQcow2Whole(path, signal) : stored;
  assertRoom(await capacityOf(paths.builds), stored + unpacked);
  await room?.expect(stored + unpacked);
}

export async function importFile(
  { sha256, content }: FileSpec,
  signal: AbortSignal,
  paths: Paths,
): Promise<void> {
  const target = paths.file(sha256);
  if (await exists(target)) return;
  const part = `${target}.part`;
  try {
    await writeOut(content, part, signal);
    const digest = await sha256File(part, { signal });
    if (digest !== sha256)
      throw invalid(
        `The file ${content.path ?? 'that was given'} has the digest ${digest}, not ${sha256}; it has changed.`,
      );
    await makeImmutable(part);
    await moveDurably(part, target);
  } finally {
    await rm(part, { force: true });
  }
}
