// What is done without anybody asking. A task takes no input, is idempotent, looks at the store and
// the engine afresh each time, and may be cut short at any point: the next run does what is left.

import type { TransferId } from '../domain/ids.ts';
import type { JobKind } from '../domain/job.ts';
import type { Engine } from '../engine/port.ts';
import type { Clock } from '../lib/clock.ts';
import type { Signer } from '../lib/signing-key.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import type { RemovalGuard } from './removal-guard.ts';
import type { Settings } from './workflow.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Told what happens, for whoever watches the service. */
export interface Meter {
  /** An attempt at a job has ended. `unforeseen`: failed in a way that is a defect. */
  attempted(kind: JobKind, outcome: 'done' | 'failed' | 'retried' | 'unforeseen', ms: number): void;
  passed(): void;
  taskDone(task: string): void;
}

export interface Dependencies {
  store: Store;
  engine: Engine;
  clock: Clock;
  settings: Settings;
  log: Log;
  signer: Signer;
  /** Where the bytes of a transfer are. */
  transferPath(id: TransferId): string;
}

export interface TaskDependencies extends Dependencies {
  guard: RemovalGuard;
}

export interface Task {
  everyMs: number;
  run(deps: TaskDependencies, signal: AbortSignal): Promise<void>;
}
