// Jobs: the reconciler's queue, its leases, and their fences. "Open" means queued or running.

import type { ImageId, JobId, MachineId, TransferId } from '../../domain/ids.ts';
import type { Begun, Job, JobKind, NewJob } from '../../domain/job.ts';

export type JobChange = Partial<
  Pick<
    Job,
    | 'kind'
    | 'phase'
    | 'progress'
    | 'leaseUntil'
    | 'state'
    | 'reason'
    | 'notBefore'
    | 'leaseOwner'
    | 'failures'
    | 'data'
    | 'reservedBytes'
  >
>;

/** The facts of a job that decide whether it is claimed. */
export type ClaimableJob = Pick<Job, 'id' | 'kind' | 'organisationId'>;
export type RunningJob = ClaimableJob & Pick<Job, 'leaseUntil' | 'cancelRequestedAt'>;

/**
 * Thrown to the late owner of a lease that has passed to another attempt: its write is refused, and
 * its transaction is undone.
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
  /** All running jobs, oldest first, also those whose lease is over. */
  running(): Promise<RunningJob[]>;
  /**
   * Queued jobs that are due, of each kind and each organisation those first that became due first.
   * Of a kind with room for `room[kind]` jobs, each organisation gives as many as an equal share of
   * the room has, at least one. So neither another kind nor another organisation hides a job, and
   * the answer does not grow with the jobs that wait. A job whose time is more than `waitMostMs`
   * away is due too: no delay is that long, so the clock went back.
   */
  due(room: Partial<Record<JobKind, number>>, waitMostMs: number): Promise<ClaimableJob[]>;
  /** The open jobs of a kind, in no order. */
  openOfKind<Kind extends JobKind>(kind: Kind): Promise<Job<Kind>[]>;
  /** When the next queued job becomes due; undefined when none is queued. */
  nextDue(): Promise<number | undefined>;
  /** The open jobs of these images, in no order; any number of ids. */
  ofImages(ids: readonly ImageId[]): Promise<Job[]>;
  /** The open jobs of these machines, in no order; any number of ids. */
  ofMachines(ids: readonly MachineId[]): Promise<Job[]>;
  /** The owner of a named lease that is not over; undefined when it is free. */
  leaseOwner(name: string): Promise<string | undefined>;
  /** The ids that open jobs have begun, in no order. */
  begun(): Promise<Begun[]>;
  /** The ids that one job has begun, by their names. */
  begunBy(jobId: JobId): Promise<Map<string, string>>;
  abandoned(): Promise<Abandoned>;
}

export interface JobWriter extends JobReader {
  /**
   * Adds queued jobs. Throws `internal`, and adds none, when an image or a machine would have two
   * open jobs. Callers check first; the store enforces it.
   */
  enqueue(jobs: readonly NewJob[]): Promise<void>;
  /**
   * Claims those of the jobs that are queued, or whose lease is over: they run, with one attempt
   * more, until their lease of `leaseMs` ends. Returns them, oldest first; leaves out a job that
   * another owner has, and one that is not open.
   */
  claim(ids: readonly JobId[], owner: string, leaseMs: number): Promise<Job[]>;
  /**
   * Changes a job that runs under the lease of the given attempt. Throws LeaseLost, without a
   * change, when the job has ended or belongs to another owner or attempt.
   */
  fencedUpdate(job: Job, change: JobChange): Promise<void>;
  /**
   * Cancels the queued job of an image, and returns it as it was; undefined when the image has no
   * open job. Throws image-building when the job runs.
   */
  cancelOfImage(imageId: ImageId): Promise<Job | undefined>;
  /**
   * Asks that an open job ends without a result; a queued one is due at once. Its owner undoes what
   * was made, and then ends it. The time of the first request stays.
   */
  requestCancel(id: JobId): Promise<void>;
  /**
   * Keeps an id that a job chose for a thing that it is about to make, and returns it. Returns the
   * earlier id instead when the job has begun one under this name, so that a job which is run again
   * makes the same thing.
   */
  begin<Id extends string>(job: Pick<Job, 'id'>, name: string, id: Id): Promise<Id>;
  /**
   * Takes or renews a named lease for `leaseMs`, so that one server at a time does the work of that
   * name. False when another owner has it and it is not over.
   */
  takeLease(name: string, owner: string, leaseMs: number): Promise<boolean>;
  /**
   * Ends the leases of all jobs, and all named leases. Only for a store that a single server owns,
   * when that server starts: no other server can still hold a lease.
   */
  endLeases(): Promise<void>;
  /** Forgets the jobs that ended before a time. */
  prune(before: number): Promise<void>;
}
