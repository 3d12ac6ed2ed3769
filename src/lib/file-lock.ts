// Lets one process at a time change a file that several read, change and write back.

import { open, rm } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { statOrNull } from './files.ts';

const tryEveryMs = 20;
const triesMax = 500;
/** Far longer than a change takes; the process that holds such a lock was killed. */
const staleMs = 5000;

/** Returns whether the lock was free, and is ours now. */
async function take(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/**
 * Runs the change while no other process runs one of the same file. It must be short. Throws when
 * the lock, a file beside it, does not become free.
 */
export async function whileLocked<Result>(
  file: string,
  change: () => Promise<Result>,
): Promise<Result> {
  const lock = `${file}.lock`;
  for (let tries = 1; !(await take(lock)); tries++) {
    if (tries >= triesMax)
      throw Object.assign(new Error(`${lock} is held`), { code: 'EBUSY', path: lock });
    const heldSince = (await statOrNull(lock))?.mtimeMs ?? Date.now();
    // A time in the future was set before the clock went back.
    if (Math.abs(Date.now() - heldSince) > staleMs) await rm(lock, { force: true });
    else await setTimeout(tryEveryMs);
  }
  try {
    return await change();
  } finally {
    await rm(lock, { force: true });
  }
}
