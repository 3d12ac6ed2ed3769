// Which jobs to claim next: pure, so that it can be read and tested without a store.

import { type Job, type JobKind, jobKinds } from '../domain/job.ts';

/**
 * Of the open jobs (oldest first), those to claim now: queued or with a lease that is over, oldest
 * first, as many of each kind as its limit leaves beside those that run.
 */
export function planClaims(
  open: readonly Job[],
  now: number,
  limits: Record<JobKind, number>,
): Job[] {
  const room = new Map(jobKinds.map((kind) => [kind, limits[kind]]));
  const runs = (job: Job) => job.state === 'running' && (job.leaseUntil ?? 0) > now;
  for (const job of open) if (runs(job)) room.set(job.kind, (room.get(job.kind) ?? 0) - 1);
  return open.filter((job) => {
    if (runs(job) || waits(job.notBefore, now)) return false;
    const left = room.get(job.kind) ?? 0;
    if (left <= 0) return false;
    room.set(job.kind, left - 1);
    return true;
  });
}

const retryBaseMs = 1000;
export const retryMostMs = 60_000;

/**
 * Whether a time is still to come. One that is further away than anybody waits was set before the
 * clock went back, and is over.
 */
export const waits = (notBefore: number, now: number): boolean =>
  notBefore > now && notBefore <= now + retryMostMs;

/** How long to wait after so many failures. */
export function retryDelayMs(failures: number): number {
  return Math.min(retryBaseMs * 2 ** Math.max(0, failures - 1), retryMostMs);
}
