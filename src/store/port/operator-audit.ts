// The audit trail of operators: changes that are made on the host itself. An entry is begun before
// the work and ended after it. The trail belongs to no organisation, so the scope does not matter.

import type { OperatorEntry } from '../../domain/operator-audit.ts';

export interface OperatorAuditReader {
  /** The newest entries, at most `limit`, newest first. */
  list(limit: number): Promise<OperatorEntry[]>;
  /** Whether there is an entry from before a time. */
  hasBefore(time: number): Promise<boolean>;
}

export interface OperatorAuditWriter extends OperatorAuditReader {
  /** Adds an entry of work that is about to begin, and returns its id. */
  begin(entry: Pick<OperatorEntry, 'operator' | 'action' | 'thing'>): Promise<number>;
  /** Gives an entry its outcome; nothing happens when there is no such entry. Idempotent. */
  end(id: number, ended: Pick<OperatorEntry, 'thing' | 'outcome' | 'reason'>): Promise<void>;
  /**
   * Forgets the oldest entries from before a time, but only so many that other writers do not wait
   * long. Call it again for the rest.
   */
  prune(before: number): Promise<void>;
}
