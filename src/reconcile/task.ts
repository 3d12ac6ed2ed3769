// A task runs on a timer; no caller asked for it. It takes no input, is idempotent, and reads the
// store and the engine afresh each time. It may be interrupted at any point, because the next run
// does the rest.

import type { Nudge } from '../lib/nudge.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import type { Dependencies, Meter } from './context.ts';
import type { RemovalGuard } from './removal-guard.ts';

export interface TaskContext extends Dependencies {
  guard: RemovalGuard;
  meter: Meter;
  /** Is nudged when there is more to do; a run that does not look gets another run after it. */
  nudge: Nudge;
  /**
   * For a run that takes longer than the period: keeps the task for this server, and returns
   * whether it still is this server's.
   */
  keepLease(): Promise<boolean>;
  /** Aborts when the server stops. */
  signal: AbortSignal;
}

export interface Task {
  everyMs: number;
  /**
   * `host`: each server that owns a host-bound engine runs it, because it looks at that engine.
   * `cluster`: one server at a time runs it, under a named lease in the store. So are the tasks of
   * the first scope, where the engine is not bound to a host.
   */
  scope: 'host' | 'cluster';
  /** Whether it also runs when events were written, by this server or another one. */
  wakesOnEvents?: true;
  /** Whether there is nothing to do, so that not even a lease is written. */
  isIdle?(store: Store): Promise<boolean>;
  run(context: TaskContext): Promise<void>;
}
