// Bounds the growth of files: no file exceeds its limit, and no tool uses the reserve of the host's
// disk. Both are checked while a tool writes, because the size is not known before and several
// tools may write at once.

import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { invalid } from '../../domain/error.ts';
import { type Capacity, isFull, roomBytes } from '../../domain/host.ts';
import { diskFull, TooLarge } from './qemu-img.ts';

const lookMs = 100;

interface Limits {
  /** The most bytes that a file may have. */
  bytesMax: number;
  signal: AbortSignal;
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
 * Runs work that writes into a folder. Throws `invalid` for a file above `bytesMax`; `unavailable`
 * when the host has no room for it.
 */
export async function withinRoom<Result>(
  folder: string,
  { bytesMax, signal }: Limits,
  work: (limits: Limits) => Promise<Result>,
): Promise<Result> {
  const before = await capacityOf(folder);
  if (isFull(before)) throw diskFull('nothing is begun in the reserve');
  const room = roomBytes(before);
  const full = new AbortController();
  const watch = setInterval(() => {
    capacityOf(folder).then(
      (now) => isFull(now) && full.abort(diskFull('it was ended at the reserve')),
      () => {},
    );
  }, lookMs);
  try {
    return await work({
      bytesMax: Math.min(bytesMax, room),
      signal: AbortSignal.any([signal, full.signal]),
    });
  } catch (error) {
    signal.throwIfAborted();
    full.signal.throwIfAborted();
    if (!(error instanceof TooLarge)) throw error;
    if (room < bytesMax) throw diskFull(`more than ${room} bytes`);
    throw invalid(
      `The disk takes more than the ${bytesMax} bytes that there is room for: what the organisation may store, and what the host has.`,
    );
  } finally {
    clearInterval(watch);
  }
}
