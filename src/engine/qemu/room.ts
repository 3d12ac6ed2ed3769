// Bounds the growth of files: no file exceeds its limit, and no tool uses the reserve of the host's
// disk. Both are checked while a tool writes, because the size is not known before and several
// tools may write at once.

import { lstat, readdir, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { invalid, noRoomForNow } from '../../domain/error.ts';
import { type Capacity, gb, isFull, roomBytes, saysFull } from '../../domain/host.ts';
import type { Room, Written } from '../port/room.ts';
import { TooLarge } from './qemu-img.ts';

const lookMs = 100;
const blockBytes = 512;

interface Limits {
  /** The most bytes that a file may have. */
  bytesMax: number;
  signal: AbortSignal;
}

/** Room that is asked for while files grow. */
interface Growing {
  room: Room;
  /** What the files take now. */
  written(): Promise<Written>;
}

export async function capacityOf(folder: string): Promise<Capacity> {
  const { bsize, blocks, bavail } = await statfs(folder);
  return { totalBytes: bsize * blocks, freeBytes: bsize * bavail };
}

/** The host's memory, or as much as a control group gives this process, and its processors. */
export function hostSize(): { memoryMb: number; cpus: number } {
  const limit = process.constrainedMemory();
  const bytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return { memoryMb: Math.floor(bytes / 1024 ** 2), cpus: availableParallelism() };
}

/**
 * Runs work that writes into a folder. Throws `invalid` for a file above `bytesMax`; `no_capacity`
 * when the host has no room for it; and what asking for more room throws.
 */
export async function withinRoom<Result>(
  folder: string,
  { bytesMax, signal, growing = null }: Limits & { growing?: Growing | null },
  work: (limits: Limits) => Promise<Result>,
): Promise<Result> {
  const before = await capacityOf(folder);
  if (isFull(before)) throw noRoomForNow(saysFull(before));
  const room = roomBytes(before);
  const full = new AbortController();
  const end = (reason: unknown) => full.abort(reason);
  let asking: Promise<void> | null = null;
  const watch = setInterval(() => {
    capacityOf(folder).then(
      (now) => isFull(now) && end(noRoomForNow(saysFull(now))),
      () => {},
    );
    asking ??=
      growing &&
      tell(growing, false)
        .catch(end)
        .finally(() => (asking = null));
  }, lookMs);
  try {
    const result = await work({
      bytesMax: Math.min(bytesMax, room),
      signal: AbortSignal.any([signal, full.signal]),
    });
    clearInterval(watch);
    await asking;
    if (growing) await tell(growing, true);
    return result;
  } catch (error) {
    signal.throwIfAborted();
    full.signal.throwIfAborted();
    if (!(error instanceof TooLarge)) throw error;
    if (room < bytesMax)
      throw noRoomForNow(
        `The disk takes more than the ${gb(room)} GB that are left on the host; delete images, or ask the operator.`,
      );
    throw invalid(
      `The disk takes more than the ${bytesMax} bytes that there is room for: what the organisation may store, and what the host has.`,
    );
  } finally {
    clearInterval(watch);
  }
}

const tell = async ({ room, written }: Growing, isWhole: boolean) =>
  room.wrote(await written(), isWhole);

/** The bytes that the files of a folder take on the disk, without names of files elsewhere. */
export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) {
    const found = await lstat(join(folder, name)).catch(() => null);
    if (found?.isFile() && found.nlink === 1) bytes += found.blocks * blockBytes;
  }
  return bytes;
}

/** The bytes of a file that may not exist yet. */
export const fileBytes = async (path: string): Promise<number> =>
  ((await lstat(path).catch(() => null))?.blocks ?? 0) * blockBytes;
