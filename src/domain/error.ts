// Every way in which Silversmith refuses or fails, as one closed set of codes. `message` is a
// sentence for the caller that says what to do next; `detail` is for the operator's log and never
// leaves the host. How a code looks on the wire is the business of `wire/error.ts` and
// `http/errors.ts`.

export type ErrorCode =
  | 'invalid'
  | 'unauthenticated'
  | 'not_found'
  | 'method_not_allowed'
  | 'timed_out'
  | 'precondition_failed'
  | 'too_large'
  | 'not_json'
  | 'range_not_satisfiable'
  | 'too_many_requests'
  | 'conflict'
  | 'machine_not_ready'
  | 'permissions_missing'
  | 'machine_has_no_image'
  | 'machine_not_stopped'
  | 'image_not_available'
  | 'machines_not_found'
  | 'capture_pending'
  | 'image_building'
  | 'machine_not_assignable'
  | 'image_too_large'
  | 'permission_required'
  | 'no_capacity'
  | 'disk_resizing'
  | 'internal'
  | 'unavailable';

export interface AppErrorOptions {
  /** For the operator: paths, commands, output. Never sent to a caller. */
  detail?: string;
  cause?: unknown;
  /** Whether the same work may succeed if tried again without anybody changing anything. */
  retry?: 'later' | 'never';
  /** What a guest printed before it failed: for the log of its step, which its owner reads. */
  output?: string;
  /** For `too_many_requests`: how long the caller has to wait. */
  retryAfterMs?: number;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly retry: 'later' | 'never';
  readonly output: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.detail = options.detail;
    this.retry = options.retry ?? 'never';
    this.output = options.output;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export const invalid = (message: string) => new AppError('invalid', message);

/** `list` is the request that lists what there is. */
export const notFound = (noun: string, id: string | number, list?: string) =>
  new AppError(
    'not_found',
    `There is no ${noun} ${id} in this organisation${list === undefined ? '' : `; ${list} lists what there is`}.`,
  );

/**
 * Work that failed for a reason that may pass: it is tried again, and fails for good with `message`
 * when it does not pass.
 */
export const failedForNow = (message: string, options: Omit<AppErrorOptions, 'retry'> = {}) =>
  new AppError('unavailable', message, { ...options, retry: 'later' });

/**
 * Work that failed and would fail again. `message` becomes the reason that the image or machine
 * shows.
 */
export const failedForGood = (message: string, options: Omit<AppErrorOptions, 'retry'> = {}) =>
  new AppError('internal', message, { ...options, retry: 'never' });

/**
 * The reason to show for anything thrown. What is not an AppError is a defect, and says no more
 * than that.
 */
export function reasonOf(error: unknown): string {
  return error instanceof AppError
    ? error.message
    : 'An internal error stopped this work; the log has the cause.';
}
