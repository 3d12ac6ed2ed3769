// Two runs of apply at once. What makes a thing has an idempotency key of what it makes and of what
// was there, and not of how much or how it makes it. So one of two runs that saw the same state
// makes it: the other gets the same answer, or is refused when it wants something else.

import { ApiError } from '../../client/errors.ts';
import { UsageError } from '../parse.ts';

/** A key for a request: the same for the same thing on the same state. */
export async function keyOf(...parts: readonly unknown[]): Promise<string> {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `apply-${createHash('sha256').update(JSON.stringify(parts)).digest('hex')}`;
}

/** Null for a refusal because the key was used for another request. */
export function unlessConflict(error: unknown): null {
  if (error instanceof ApiError && error.code === 'conflict') return null;
  throw error;
}

export const atOnce = (what: string) =>
  new UsageError(
    `Another run of apply makes ${what} at this moment; type the command again when it has ended.`,
    'conflict',
  );
