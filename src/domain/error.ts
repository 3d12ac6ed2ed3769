// The error of Silversmith, with a closed set of codes. `message` is for the caller and says what
// to do next; `detail` is for the operator's log and never leaves the host. `http/errors.ts`
// translates codes for the wire.

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

interface AppErrorOptions {
  /** For the operator: paths, commands, output. It is never sent to a caller. */
  detail?: string;
  cause?: unknown;
  /** Whether the same work may succeed later without a change of the request. */
  retry?: 'later' | 'never';
  /** The output of a guest that failed, for the log of its step, which its owner reads. */
  output?: string;
  /** With `too_many_requests`: how long the caller has to wait. */
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

/** `list` is the request with which the caller can list the noun. */
export const notFound = (noun: string, id: string | number, list?: string) =>
  new AppError(
    'not_found',
    `There is no ${noun} ${id} in this organisation${list === undefined ? '' : `; ${list} lists what there is`}.`,
  );

/**
 * The error of work that may succeed later. Its job is tried again, and fails after some attempts.
 */
export const failedForNow = (message: string, options: Omit<AppErrorOptions, 'retry'> = {}) =>
  new AppError('unavailable', message, { ...options, retry: 'later' });

/** The error of work for which the host has no room, memory or processor now. It is tried again. */
export const noRoomForNow = (message: string, options: Omit<AppErrorOptions, 'retry'> = {}) =>
  new AppError('no_capacity', message, { ...options, retry: 'later' });

/** The error of work that would fail again. The image or machine shows `message` as the reason. */
export const failedForGood = (message: string, options: Omit<AppErrorOptions, 'retry'> = {}) =>
  new AppError('internal', message, { ...options, retry: 'never' });

/** The reason to show for a thrown value. Any other value than an AppError is a defect. */
export function reasonOf(error: unknown): string {
  return error instanceof AppError
    ? error.message
    : 'An internal error stopped this work; the log has the cause.';
}
