// The name of each refusal, by its client_code.
// Printed from src/contract/errors.ts; do not edit it. Type: npm run contract

export const errorCodes = {
  /** Malformed JSON, a wrong type, a missing field, or a value out of bounds. */
  400: 'invalid',
  /** Not authenticated: format, key, clock, signature or replay. */
  401: 'unauthenticated',
  /** Not found, or not of this organisation. */
  404: 'not_found',
  /** The path exists, but not with this method. */
  405: 'method_not_allowed',
  /** The request did not come to its end. */
  408: 'timed_out',
  /** In conflict with an earlier request. */
  409: 'conflict',
  /** The file is not the one that was meant. */
  412: 'precondition_failed',
  /** The body is too large. */
  413: 'too_large',
  /** The body is not JSON. */
  415: 'not_json',
  /** The file has no such range. */
  416: 'range_not_satisfiable',
  /** Too many requests; see Retry-After. */
  429: 'too_many_requests',
  /** The machine is not ready for this action. */
  4201: 'machine_not_ready',
  /** `permissions` is missing. */
  4202: 'permissions_missing',
  /** The machine has no image yet. */
  4208: 'machine_has_no_image',
  /** The machine is not stopped. */
  4209: 'machine_not_stopped',
  /** The image is not available. */
  4210: 'image_not_available',
  /** A machine was not found; nothing is assigned. */
  4211: 'machines_not_found',
  /** At a capture: an earlier image of the machine is still being created. */
  4212: 'capture_pending',
  /** The image is building and cannot be deleted. */
  4213: 'image_building',
  /** At an assignment: an image of the machine is still being created. */
  4214: 'machine_not_assignable',
  /** The image is larger than the machine's disk. */
  4510: 'image_too_large',
  /** The key lacks the permission. */
  4710: 'permission_required',
  /** No capacity: the host has too little memory or too few processors for the machine or the build, or no room for what is made; the message has both numbers. */
  440: 'no_capacity',
  /** The machine's disk is being resized. */
  469: 'disk_resizing',
  /** An error of the service; the log has the cause under the request id. */
  500: 'internal',
  /** The service cannot answer now; try again. */
  503: 'unavailable',
} as const;
