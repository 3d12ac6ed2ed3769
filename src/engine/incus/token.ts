// Fencing tokens on the objects of the cluster. Any server may do any job, so the memory of one
// server does not tell who is late. The newest token that changed an instance or an image is kept
// on it; a call with an older one is refused, and changes nothing.
//
// Between the look at the token and the change that follows it, another server may claim the
// object. Incus refuses a change of configuration then (If-Match). A start, a stop, a removal and
// a publication have no such condition: a late one can still reach Incus in that moment.

import type { JobId } from '../../domain/ids.ts';
import { isOlder, late } from '../fence.ts';
import type { Token } from '../port/call.ts';

const form = /^(\d{1,16}):(\d{1,16})$/;

export const tokenText = ({ jobId, attempt }: Token): string => `${jobId}:${attempt}`;

function tokenIn(text: string | undefined): Token | null {
  const [, job, attempt] = form.exec(text ?? '') ?? [];
  return job === undefined ? null : { jobId: Number(job) as JobId, attempt: Number(attempt) };
}

/**
 * Whether the call's token is to be written on an object with this one. Throws `unavailable` for a
 * call that is late. A call without a token is never late and writes none.
 */
export function isNewer(token: Token | null, text: string | undefined, what: string): boolean {
  const kept = tokenIn(text);
  if (token === null) return false;
  if (kept !== null && isOlder(token, kept)) throw late(token, what);
  return kept === null || isOlder(kept, token);
}
