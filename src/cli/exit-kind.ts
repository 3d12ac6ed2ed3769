// The exit status that each error has. The codes of the API and those of the application are the
// same, so one table serves the commands that speak to a server and the operator's.

import { ApiError, type ErrorCode, NoAnswerError, StalledError } from '../client/errors.ts';
import { AppError } from '../domain/error.ts';
import type { ExitKind } from './exit.ts';
import { UsageError } from './parse.ts';

const kinds: Record<ErrorCode, ExitKind> = {
  invalid: 'refused',
  unauthenticated: 'refused',
  not_found: 'not_found',
  method_not_allowed: 'refused',
  timed_out: 'unreachable',
  conflict: 'conflict',
  precondition_failed: 'conflict',
  too_large: 'refused',
  not_json: 'refused',
  range_not_satisfiable: 'refused',
  too_many_requests: 'unreachable',
  machine_not_ready: 'conflict',
  permissions_missing: 'refused',
  machine_has_no_image: 'conflict',
  machine_not_stopped: 'conflict',
  image_not_available: 'conflict',
  machines_not_found: 'not_found',
  capture_pending: 'conflict',
  image_building: 'conflict',
  machine_not_assignable: 'conflict',
  image_too_large: 'refused',
  permission_required: 'refused',
  no_capacity: 'conflict',
  disk_resizing: 'conflict',
  internal: 'failed',
  unavailable: 'unreachable',
  unknown: 'refused',
};

/** The kind of a thrown value; a value that is not ours is a failure. */
export function exitKindOf(error: unknown): ExitKind {
  if (error instanceof UsageError) return error.kind;
  if (error instanceof AppError) return kinds[error.code];
  if (error instanceof NoAnswerError) return error.why === 'long' ? 'failed' : 'unreachable';
  if (error instanceof StalledError) return exitKindOf(error.cause);
  if (error instanceof ApiError)
    return error.code === 'unknown' && error.status >= 500 ? 'unreachable' : kinds[error.code];
  return 'failed';
}
