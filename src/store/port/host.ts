// The host: the room on its disk, the clock that removal trusts, freezes, and orphans. All of it
// belongs to the server, so the scope does not matter.

import type { Admission } from '../../domain/account.ts';
import type { Capacity, Freeze, Orphan } from '../../domain/host.ts';

/** The state that the removal guard keeps between runs of a server. */
export interface RemovalState {
  /** The removal that is held back, and why, for people; null when none is. */
  waiting: string | null;
  /** The guard's own notes, as JSON. */
  brakes: string;
}

/** The host as a server measured it, with its limits for guests. */
export interface Measured extends Capacity, Admission {
  /** The bytes that the account had on the disk at that moment. */
  knownBytes: number;
  /** How many build machines run at once. */
  buildPlaces: number;
}

export interface HostReader {
  /** The room as last measured; undefined before the first measurement. */
  capacity(): Promise<Capacity | undefined>;
  /** When the clock was last seen to run steadily; undefined before the first time. */
  lastSteadyAt(): Promise<number | undefined>;
  /** `{ waiting: null, brakes: '{}' }` before anything was noted. */
  removalState(): Promise<RemovalState>;
  /** The kinds of files that are frozen now, each once. */
  frozen(): Promise<Freeze[]>;
  /** Whether a job that changes such files runs under a lease that is not over. */
  isBusy(what: Freeze): Promise<boolean>;
  /** Whether so many changes were added to a kept number that they should be joined. */
  hasLooseTallies(): Promise<boolean>;
  /** All orphans, in the order in which they were first seen. */
  orphans(): Promise<Orphan[]>;
}

export interface HostWriter extends HostReader {
  /** Keeps a measurement instead of the last one. */
  setMeasured(measured: Measured): Promise<void>;
  /** Notes that the clock runs steadily now. */
  setSteady(): Promise<void>;
  /** Keeps the state of the removal guard. Does nothing before the first `setSteady`. */
  setRemovalState(waiting: string | null, brakes: string): Promise<void>;

  /**
   * Freezes such files for a minute: no job that changes them is claimed. Each holder has freezes
   * of its own; a second one of the same holder and kind throws `internal`. Also forgets freezes
   * that are over.
   */
  freeze(what: Freeze, holder: string): Promise<void>;
  /**
   * Lets a freeze last a minute from now. False when it was over already, so that the files may
   * have changed.
   */
  renewFreeze(what: Freeze, holder: string): Promise<boolean>;
  /** Ends a freeze. Idempotent. */
  thaw(what: Freeze, holder: string): Promise<void>;
  /** Ends every freeze: in a copy of a store, whose freezes belong to the original. */
  thawAll(): Promise<void>;

  /** Joins what changes have added to kept numbers, so that these are read fast. */
  joinTallies(): Promise<void>;

  /** Notes an orphan. True when it is new; otherwise the first note stays as it is. */
  noteOrphan(orphan: Omit<Orphan, 'seenAt'>): Promise<boolean>;
  /** Idempotent. */
  forgetOrphan(orphan: Pick<Orphan, 'kind' | 'id'>): Promise<void>;
}
