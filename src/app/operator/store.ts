// Copies of the whole store between databases, as changes of the operator: a copy holds the secrets
// of all organisations, so the trail names its source and its target. `server/copy.ts` does the
// copying.

import { change } from './context.ts';

/** A file or folder of the data directory that a copy of the store does not have. */
interface Beside {
  path: string;
  holds: string;
  /** Whether it is in the data directory that was given. */
  isThere: boolean;
}

export interface StoreCopied {
  from: string;
  to: string;
  /** The number of rows by table. */
  rows: Record<string, number>;
  /** Texts in which PostgreSQL has another character instead of a NUL. */
  textsChanged: number;
  /** Carry these yourself. */
  beside: Beside[];
  /** The step that a person has to take before a server is started on the copy. */
  next: string;
}

export const copyAction = 'storeCopy';

/**
 * Copies the store from one place to another; the operator's store is the source. `copy` does the
 * work, and its errors are passed on.
 */
export const storeCopy = change(
  copyAction,
  (from: string, to: string, _copy: () => Promise<StoreCopied>) =>
    `the store: from ${from} to ${to}`,
  (_change, _from, _to, copy) => copy(),
);
