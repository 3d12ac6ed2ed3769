// Which operations to claim next: pure, so that it can be read and tested without a store.

import { type Operation, type OperationKind, operationKinds } from '../domain/operation.ts';

/**
 * Of the open operations (oldest first), those to claim now: queued or with a lease that is over, oldest first, as many of each kind
 * as its limit leaves beside those that run.
 */
export function planClaims(
  open: readonly Operation[],
  now: number,
  limits: Record<OperationKind, number>,
): Operation[] {
  const room = new Map(operationKinds.map((kind) => [kind, limits[kind]]));
  const runs = (operation: Operation) => operation.state === 'running' && (operation.leaseUntil ?? 0) > now;
  for (const operation of open) if (runs(operation)) room.set(operation.kind, (room.get(operation.kind) ?? 0) - 1);
  return open.filter((operation) => {
    if (runs(operation) || waits(operation.notBefore, now)) return false;
    const left = room.get(operation.kind) ?? 0;
    if (left <= 0) return false;
    room.set(operation.kind, left - 1);
    return true;
  });
}

const retryBaseMs = 1000;
export const retryMostMs = 60_000;

/** Whether a time is still to come. One that is further away than anybody waits was set before the clock went back, and is over. */
export const waits = (notBefore: number, now: number): boolean => notBefore > now && notBefore <= now + retryMostMs;

/** How long to wait after so many failures. */
export function retryDelayMs(failures: number): number {
  return Math.min(retryBaseMs * 2 ** Math.max(0, failures - 1), retryMostMs);
}
