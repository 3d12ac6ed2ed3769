// The errors of the client. They have a file of their own because the command line, which explains
// them, loads the client only before a request.

import { errorCodes } from './error-codes.ts';

type KnownCode = keyof typeof errorCodes;

/** What was refused and why; `unknown` for a code of another version of the API. */
export type ErrorCode = (typeof errorCodes)[KnownCode] | 'unknown';

const isKnown = (clientCode: number): clientCode is KnownCode =>
  Object.hasOwn(errorCodes, clientCode);

/** A refusal, with the server's own message. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  /** The code as it was sent: `client_code`. */
  readonly clientCode: number;
  /** The HTTP status. */
  readonly status: number;
  readonly requestId: string | null;
  /** How long the server asks to wait before the next attempt, in ms; null when it does not say. */
  readonly retryAfterMs: number | null;
  constructor(
    clientCode: number,
    status: number,
    message: string,
    requestId: string | null,
    retryAfterMs: number | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
    this.code = isKnown(clientCode) ? errorCodes[clientCode] : 'unknown';
    this.clientCode = clientCode;
    this.status = status;
    this.requestId = requestId;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * No answer of Silversmith came: nothing listens there or the connection broke (`unreachable`), it
 * took too long (`late`), it is longer than any that there is (`long`), or another program answers,
 * such as a proxy (`foreign`).
 */
export class NoAnswerError extends Error {
  readonly url: string;
  readonly why: 'unreachable' | 'late' | 'long' | 'foreign';
  /** The HTTP status of the other program; null when nothing answered. */
  readonly status: number | null;
  constructor(
    url: string,
    why: NoAnswerError['why'],
    message: string,
    { cause, status = null }: { cause?: unknown; status?: number | null } = {},
  ) {
    super(message, { cause });
    this.name = 'NoAnswerError';
    this.url = url;
    this.why = why;
    this.status = status;
  }
}

/**
 * No byte has moved for several attempts in a row; `cause` says why the last one failed. The bytes
 * that were moved before are kept.
 */
export class StalledError extends Error {
  constructor(what: string, done: number, total: number, tries: number, cause: unknown) {
    super(
      `The ${what} stands at ${done} of ${total} bytes, and ${tries} attempts to go on have failed.`,
      { cause },
    );
    this.name = 'StalledError';
  }
}

/** Work was waited for, and has failed, or is not done at the limit. */
export class UnfinishedError<Last = unknown> extends Error {
  readonly why: 'failed' | 'late';
  /** The last state that was seen. */
  readonly last: Last;
  constructor(why: UnfinishedError['why'], message: string, last: Last) {
    super(message);
    this.name = 'UnfinishedError';
    this.why = why;
    this.last = last;
  }
}
