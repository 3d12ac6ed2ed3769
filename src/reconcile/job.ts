// The definition of one kind of job. Each kind has a file in jobs/ and a row in domain/job.ts.
//
// The reconciler calls `run` at each attempt, from its beginning, so every step of `run` is
// idempotent. `run` returns a function that writes the result; the reconciler calls that function
// in the transaction that ends the job. It calls `abandon` in the transaction that fails the job.
// Both transactions are fenced: a late owner, whose lease has passed on, writes nothing.

import { failedForGood } from '../domain/error.ts';
import type { Job, JobKind } from '../domain/job.ts';
import type { Call } from '../engine/port/call.ts';
import type { Writer } from '../store/port/unit-of-work.ts';
import type { Dependencies, Meter } from './context.ts';

export interface JobContext<Kind extends JobKind = JobKind> extends Dependencies {
  job: Job<Kind>;
  meter: Meter;
  /** Aborts when the server stops or the lease is lost. */
  signal: AbortSignal;
  /** For calls of the engine: the signal, and this claim of the job. */
  call: Call;
  /** Shows callers the current step of the job and its progress (0 to 1). Throws LeaseLost. */
  phase(name: string, progress: number): Promise<void>;
  /** A fenced update, for facts that the store must have before the next step. Throws LeaseLost. */
  write<Result>(work: (work: Writer) => Promise<Result>): Promise<Result>;
  /**
   * Stores the id that this job chose for a thing it is about to make, and returns it, or the id
   * that an earlier attempt stored under the same name. So an attempt after a crash finishes the
   * work of the first. Throws LeaseLost.
   */
  begin<Id extends string>(name: string, id: Id): Promise<Id>;
  /** Returns the ids that this job has begun, by their names. */
  begun(): Promise<ReadonlyMap<string, string>>;
  /** Runs work when no other job of this server does work with the same key. */
  alone<Result>(key: string, work: () => Promise<Result>): Promise<Result>;
  /** Stores facts with the job. The next attempt finds them in `job.data`. Throws LeaseLost. */
  remember(data: Partial<Job<Kind>['data']>): Promise<void>;
}

export interface JobDefinition<Kind extends JobKind = JobKind> {
  kind: Kind;
  /** A temporary error counts as final after so many attempts. */
  attemptsMax: number;
  run(context: JobContext<Kind>): Promise<(work: Writer) => Promise<void>>;
  /** Undoes the work of `run` at the engine, before the job fails. Idempotent. */
  undo?(context: JobContext<Kind>): Promise<void>;
  abandon(work: Writer, job: Job<Kind>, reason: string): Promise<void>;
}

export const defineJob = <Kind extends JobKind>(
  definition: JobDefinition<Kind>,
): JobDefinition<Kind> => definition;

/**
 * Returns the id of a thing that the job's kind always names. Throws when a defect left it out, so
 * that the job fails at once.
 */
export function named<Id>(id: Id | null | undefined, kind: JobKind, noun: string): Id {
  if (id === null || id === undefined) throw failedForGood(`The ${kind} job names no ${noun}.`);
  return id;
}

/**
 * `run` throws this when it has to wait for another job. The job goes back to the queue, as another
 * `kind` where one is given, and the attempt does not count.
 */
export class NotYet extends Error {
  readonly afterMs: number;
  readonly kind: JobKind | undefined;
  constructor(reason: string, afterMs: number, kind?: JobKind) {
    super(reason);
    this.afterMs = afterMs;
    this.kind = kind;
  }
}
