// Waits for work whose end may never be told, but not for ever.

import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when the work is over, whether it failed or not, and after `mostMs` at the latest. */
export async function within(mostMs: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const limit = sleep(mostMs, undefined, { signal: over.signal });
  await Promise.race([work, limit]).catch(() => {});
  over.abort();
  await limit.catch(() => {});
}
