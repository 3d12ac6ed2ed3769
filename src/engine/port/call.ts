// The context of a call to an engine: the signal that ends it, and the job and attempt that make
// it.

import type { JobId } from '../../domain/ids.ts';

/**
 * The claim of a job under which a call is made. A job is claimed again when its lease is over, and
 * each claim raises the attempt, so the claim with the lower number is the older one. Of two jobs
 * on one machine, disk or layer the one with the lower id is the older one.
 */
export interface Token {
  jobId: JobId;
  attempt: number;
}

export interface Call {
  /** Ends the call within seconds; the call rejects with the signal's reason. */
  signal: AbortSignal;
  /**
   * Null for a call without a job: by a task, an operator's command, or the start of a server. Such
   * a call is never refused as late. It cannot harm a job, because it reads, or makes ids that no
   * job knows, or removes things that the store has marked (so that no job begins to use them) or
   * has not known for a day.
   */
  token: Token | null;
}

const never = new AbortController().signal;

/** The context of a call without a job. Without a signal the call runs to its end. */
export const withoutJob = (signal: AbortSignal = never): Call => ({ signal, token: null });
