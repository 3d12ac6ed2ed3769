// What a workflow is: how one kind of job is made true. `run` calls the engine and may be started
// again from its beginning at any time, so every step of it is idempotent. What it returns is
// written in the same transaction that ends the job; what `abandon` writes, in the one that fails
// it. Neither is written by a late owner, whose lease has passed on.

import type { Job } from '../domain/job.ts';
import type { Writer } from '../store/port/unit-of-work.ts';
import type { Dependencies } from './task.ts';

export interface Context extends Dependencies {
  job: Job;
  /** Aborts when the server stops or the lease is lost. */
  signal: AbortSignal;
  /** Says what is being done, and how much of all is done (0 to 1). Throws LeaseLost. */
  phase(name: string, progress: number): Promise<void>;
  /**
   * Writes under the fence of the lease: for what must be known before the next step. Throws
   * LeaseLost.
   */
  write<Result>(work: (work: Writer) => Promise<Result>): Promise<Result>;
  /** Keeps a fact, such as an id that was chosen, with the job. */
  remember(data: Job['data']): Promise<void>;
}

export interface Settings {
  /** How long a machine may take to be ready. */
  readyMs: number;
  /** How long a guest may take to power off: asked to be graceful, and otherwise. */
  gracefulStopMs: number;
  stopMs: number;
  /** How long a replaced disk, and a deleted image, can be brought back. */
  keepDiskMs: number;
  keepImageMs: number;
  /** How long the audit trail has what was done. */
  auditKeptMs: number;
  /** How long the time of a thing must have been over before it goes. */
  lookAgainMs: number;
  /** Between marking what nothing needs and removing its bytes. */
  collectDelayMs: number;
  /** The most that installed steps which no image needs may take. */
  cacheBytesMax: number;
  /** How long something that the store does not know is left where it is. */
  orphanMs: number;
  /**
   * How often each layer's bytes are compared with its digest, and how fast they are read for it.
   */
  scrubEveryMs: number;
  scrubBytesPerSecond: number;
  /** How often a state that the engine does not announce is asked for. */
  pollMs: number;
  /** Jobs of each kind that run at once. */
  limits: Record<Job['kind'], number>;
}

const hourMs = 3600_000;

export const defaultSettings: Settings = {
  readyMs: 300_000,
  gracefulStopMs: 120_000,
  stopMs: 30_000,
  keepDiskMs: 72 * hourMs,
  keepImageMs: 24 * hourMs,
  auditKeptMs: 365 * 24 * hourMs,
  lookAgainMs: 10 * 60_000,
  collectDelayMs: 60_000,
  cacheBytesMax: 100 * 1024 ** 3,
  orphanMs: 24 * hourMs,
  scrubEveryMs: 30 * 24 * hourMs,
  scrubBytesPerSecond: 50 * 1024 ** 2,
  pollMs: 250,
  limits: {
    imageCapture: 4,
    imageExport: 2,
    imageImport: 2,
    imageInstall: 2,
    layerCompact: 1,
    machineStart: 8,
    machineStop: 16,
  },
};

/**
 * Thrown by `run` when it has to wait for somebody else: the job goes back to the queue, without
 * counting as an attempt.
 */
export class NotYet extends Error {
  readonly afterMs: number;
  constructor(reason: string, afterMs: number) {
    super(reason);
    this.afterMs = afterMs;
  }
}

export interface Workflow {
  /** Attempts after which an error that may pass is taken for one that does not. */
  attemptsMax: number;
  run(context: Context): Promise<(work: Writer) => Promise<void>>;
  /** Undoes at the engine what `run` left, before the job fails. Idempotent. */
  undo?(context: Context): Promise<void>;
  abandon(work: Writer, job: Job, reason: string): Promise<void>;
}
