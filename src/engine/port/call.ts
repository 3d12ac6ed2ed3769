// The context of a call to an engine: what ends the call, and for which attempt at which job it is
// made.

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
   * Null for a call that no job makes: a task, an operator's command, or the start of a server.
   * Such a call is never refused as late. It can hurt no job, because it reads, or makes ids that
   * no job knows, or removes what the store marked first so that no job begins to use it, or what
   * the store has not known for a day.
   */
  token: Token | null;
}

const never = new AbortController().signal;

/** The context of a call that no job makes. Without a signal the call goes on to its end. */
export const withoutJob = (signal: AbortSignal = never): Call => ({ signal, token: null });
