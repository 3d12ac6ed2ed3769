// Jobs: the reconciler's queue, its leases, and their fences. "Open" means queued or running.

import type { ImageId, JobId, MachineId, OrganisationId, TransferId } from '../../domain/ids.ts';
import type { Job, JobKind } from '../../domain/job.ts';

export interface NewJob {
  kind: JobKind;
  organisationId: OrganisationId;
  imageId?: ImageId;
  machineId?: MachineId;
  data?: Job['data'];
}

export type JobChange = Partial<
  Pick<
    Job,
    'phase' | 'progress' | 'leaseUntil' | 'state' | 'reason' | 'notBefore' | 'leaseOwner' | 'data'
  >
>;

/**
 * Thrown to the late owner of a lease that has passed to another attempt: what it was about to
 * write is refused, and its transaction is undone.
 */
export class LeaseLost extends Error {}

/** Things whose status says that a job works on them, though no open job does. */
export interface Abandoned {
  transfers: TransferId[];
  images: ImageId[];
  machines: MachineId[];
}

export interface JobReader {
  /** Throws `internal` when there is none: callers ask only for jobs that they have seen. */
  get(id: JobId): Promise<Job>;
  /** Open jobs, oldest first, whether due or not; at most `limit`. */
  open(limit: number): Promise<Job[]>;
  /**
   * Running jobs, and queued ones that are due, oldest first; at most `limit`. A job that waits for
   * a time more than `waitMostMs` away is due too: no delay is that long, so the clock went back.
   */
  due(limit: number, waitMostMs: number): Promise<Job[]>;
  /** The open jobs of a kind, in no order. */
  openOfKind(kind: JobKind): Promise<Job[]>;
  /** When the next queued job becomes due; undefined when none is queued. */
  nextDue(): Promise<number | undefined>;
  /** The open jobs of these images, in no order; any number of ids. */
  ofImages(ids: readonly ImageId[]): Promise<Job[]>;
  /** The open jobs of these machines, in no order; any number of ids. */
  ofMachines(ids: readonly MachineId[]): Promise<Job[]>;
  abandoned(): Promise<Abandoned>;
}

export interface JobWriter extends JobReader {
  /**
   * Adds queued jobs. Throws `internal`, with none added, when an image or a machine would have two
   * open jobs: callers check first, and the store makes sure.
   */
  enqueue(jobs: readonly NewJob[]): Promise<void>;
  /**
   * Claims a job that is queued, or whose lease is over: it runs, with one attempt more, until its
   * lease of `leaseMs` ends. Undefined when another owner has it, or it is not open.
   */
  claim(id: JobId, owner: string, leaseMs: number): Promise<Job | undefined>;
  /**
   * Changes a job that runs under the lease of the given attempt. Throws LeaseLost, with nothing
   * changed, when the job has ended or belongs to another owner or attempt.
   */
  fencedUpdate(job: Job, change: JobChange): Promise<void>;
  /**
   * Cancels the queued job of an image, and returns it as it was; undefined when the image has no
   * open job. Throws image-building when the job runs.
   */
  cancelOfImage(imageId: ImageId): Promise<Job | undefined>;
  /**
   * Ends every lease at once. Only for a store that a single server owns, when that server starts:
   * the servers that had the leases are dead.
   */
  releaseAll(): Promise<void>;
  /** Forgets the jobs that ended before a time. */
  prune(before: number): Promise<void>;
}
