// The audit trail: entries are added and pruned, and never changed.

import type { AuditEntry, Touched } from '../../domain/audit.ts';
import type { MachineId } from '../../domain/ids.ts';
import type { PageFound } from './page.ts';

export interface AuditFilter {
  /** The first and the last moment, both included. */
  from: number;
  to: number;
  /** Only entries of these actions; an empty list matches nothing. */
  actions?: readonly string[] | undefined;
  machineId?: MachineId | undefined;
  limit: number;
  /** Only what follows this entry in the list; nothing when there is no such entry in the scope. */
  before?: number | undefined;
}

export type NewAuditEntry = Pick<AuditEntry, 'keyId' | 'action' | 'requestId' | 'clientCode'> &
  Partial<Pick<AuditEntry, 'address' | 'durationMs'>> &
  Touched;

export interface AuditReader {
  /** The newest matches, at most `limit`, newest first. */
  list(filter: AuditFilter): Promise<{ entries: AuditEntry[] } & PageFound>;
  /** Whether there is an entry from before a time. */
  hasBefore(time: number): Promise<boolean>;
}

export interface AuditWriter extends AuditReader {
  /**
   * Adds an entry for each machine, or a single one when there is no machine. Throws a TypeError in
   * the scope of the system, because an entry belongs to an organisation.
   */
  add(entry: NewAuditEntry): Promise<void>;
  /**
   * Forgets the oldest entries from before a time, but only so many that other writers do not wait
   * long. Call it again for the rest. Returns how many it forgot.
   */
  prune(before: number): Promise<number>;
}
