// The errors of the client. They have a file of their own because the client loads the contract, and
// the command line, which explains the errors, does that only before a request.

/** A refusal, with the server's own message. */
export class ApiError extends Error {
  readonly clientCode: number;
  readonly status: number;
  readonly requestId: string | null;
  constructor(clientCode: number, status: number, message: string, requestId: string | null) {
    super(message);
    this.name = 'ApiError';
    this.clientCode = clientCode;
    this.status = status;
    this.requestId = requestId;
  }
}

/**
 * No answer of Silversmith came: nothing listens there (`unreachable`), it took too long (`late`),
 * or another program answers (`foreign`).
 */
export class NoAnswerError extends Error {
  readonly url: string;
  readonly why: 'unreachable' | 'late' | 'foreign';
  constructor(url: string, why: NoAnswerError['why'], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NoAnswerError';
    this.url = url;
    this.why = why;
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
