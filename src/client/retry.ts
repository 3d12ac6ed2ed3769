// When a request is sent again, and the waits in between. An attempt is repeated only where that
// cannot do a thing twice: a read, or a change under an idempotency key. Too many requests (429)
// are refused before anything is done, so that refusal is always followed by another attempt.

import { ApiError, NoAnswerError } from './errors.ts';

/** The longest wait before an attempt; a server that asks for a longer one is not asked again. */
const pauseMsMax = 30_000;
const firstPauseMs = 100;
const tooMany = 429;
/** A proxy answers so while the server behind it is away. */
const proxyStatuses = [502, 503, 504];

/** Resolves after a time. Rejects with the signal's reason when that ends it. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    };
    const timer = setTimeout(end, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', stop, { once: true });
  });

/**
 * Whether another attempt may succeed. `isRepeatable`: the request may have been carried out, and
 * can be sent again all the same.
 */
export function mayPass(error: unknown, isRepeatable: boolean): boolean {
  if (error instanceof ApiError)
    // A machine for which there is no capacity is also refused with 503, under its own code.
    return error.status === tooMany || (isRepeatable && error.code === 'unavailable');
  if (!(error instanceof NoAnswerError)) return false;
  if (error.status === tooMany) return true;
  if (error.why === 'long') return false;
  return isRepeatable && (error.why !== 'foreign' || proxyStatuses.includes(error.status ?? 0));
}

interface Attempts {
  /** How often the request is sent at most. */
  triesMax: number;
  isRepeatable: boolean;
  signal?: AbortSignal | undefined;
}

/** Runs an attempt, and again after each failure that may pass. Throws the last failure. */
export async function retrying<Result>(
  { triesMax, isRepeatable, signal }: Attempts,
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const waitMs = pauseBefore(error, tries);
      if (tries >= triesMax || waitMs > pauseMsMax || !mayPass(error, isRepeatable)) throw error;
      await pause(waitMs, signal);
    }
  }
}

/**
 * The time before the next attempt: what the server asks for, else twice as long each time. A part
 * of it is drawn by lot, so that clients that were refused together do not come back together.
 */
function pauseBefore(error: unknown, tries: number): number {
  const asked = error instanceof ApiError ? error.retryAfterMs : null;
  const least = asked ?? 0;
  const most = Math.min(firstPauseMs * 2 ** tries, pauseMsMax);
  return least + most * (asked === null ? 0.5 + Math.random() / 2 : Math.random() / 2);
}

/** The time of a Retry-After header, which is in seconds or a date; null when there is none. */
export function retryAfterMs(header: string | null): number | null {
  if (header === null) return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
