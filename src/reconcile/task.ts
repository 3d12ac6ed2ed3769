// A task runs on a timer; no caller asked for it. It takes no input, is idempotent, and reads the
// store and the engine afresh each time. It may be interrupted at any point, because the next run
// does the rest.

import type { Reader } from '../store/port/unit-of-work.ts';
import type { Dependencies, Meter } from './context.ts';
import type { RemovalGuard } from './removal-guard.ts';

export interface TaskContext extends Dependencies {
  guard: RemovalGuard;
  meter: Pick<Meter, 'disksGrew'>;
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
  /** Whether there is nothing to do, so that not even a lease is written. */
  isIdle?(work: Reader): Promise<boolean>;
  run(context: TaskContext): Promise<void>;
}
