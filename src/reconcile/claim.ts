// Decides which jobs to claim next. Everything here is pure, so that it can be read and tested
// without a store.

import type { Freeze } from '../domain/host.ts';
import { type Job, type JobKind, jobKindNames, jobKindsThat } from '../domain/job.ts';

/**
 * Returns the jobs to claim now, of the open jobs (oldest first). A job can be claimed when it is
 * queued and due, or when its lease is over. Of each kind, as many jobs are claimed as its limit
 * leaves beside those that run; the oldest come first.
 */
export function planClaims(
  open: readonly Job[],
  now: number,
  limits: Record<JobKind, number>,
): Job[] {
  const room = new Map(jobKindNames.map((kind) => [kind, limits[kind]]));
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

/** The kinds of job that are not claimed while these files are frozen. */
export const blockedKinds = (frozen: readonly Freeze[]): JobKind[] =>
  jobKindsThat(({ blockedBy }) => blockedBy !== null && frozen.includes(blockedBy));

const retryBaseMs = 1000;
export const retryMostMs = 60_000;

/**
 * Whether a job is not due yet. No delay exceeds `retryMostMs`; a later `notBefore` predates a
 * clock change, so it counts as due.
 */
export const waits = (notBefore: number, now: number): boolean =>
  notBefore > now && notBefore <= now + retryMostMs;

/** How long a job waits after so many failures: twice as long each time, up to a limit. */
export function retryDelayMs(failures: number): number {
  return Math.min(retryBaseMs * 2 ** Math.max(0, failures - 1), retryMostMs);
}
