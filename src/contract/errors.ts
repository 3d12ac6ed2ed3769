// Each refusal on the wire: its client_code, its HTTP status and its meaning. The error reference
// and the OpenAPI document are printed from this table.

export interface WireError {
  clientCode: number;
  status: number;
  meaning: string;
}

export const wireErrors = {
  invalid: {
    clientCode: 400,
    status: 400,
    meaning: 'Malformed JSON, a wrong type, a missing field, or a value out of bounds',
  },
  unauthenticated: {
    clientCode: 401,
    status: 401,
    meaning: 'Not authenticated: format, key, clock, signature or replay',
  },
  not_found: { clientCode: 404, status: 404, meaning: 'Not found, or not of this organisation' },
  method_not_allowed: {
    clientCode: 405,
    status: 405,
    meaning: 'The path exists, but not with this method',
  },
  timed_out: { clientCode: 408, status: 408, meaning: 'The request did not come to its end' },
  conflict: { clientCode: 409, status: 409, meaning: 'In conflict with an earlier request' },
  precondition_failed: {
    clientCode: 412,
    status: 412,
    meaning: 'The file is not the one that was meant',
  },
  too_large: { clientCode: 413, status: 413, meaning: 'The body is too large' },
  not_json: { clientCode: 415, status: 415, meaning: 'The body is not JSON' },
  range_not_satisfiable: { clientCode: 416, status: 416, meaning: 'The file has no such range' },
  too_many_requests: {
    clientCode: 429,
    status: 429,
    meaning: 'Too many requests; see Retry-After',
  },
  machine_not_ready: {
    clientCode: 4201,
    status: 400,
    meaning: 'The machine is not ready for this action',
  },
  permissions_missing: { clientCode: 4202, status: 400, meaning: '`permissions` is missing' },
  machine_has_no_image: { clientCode: 4208, status: 400, meaning: 'The machine has no image yet' },
  machine_not_stopped: { clientCode: 4209, status: 400, meaning: 'The machine is not stopped' },
  image_not_available: { clientCode: 4210, status: 400, meaning: 'The image is not available' },
  machines_not_found: {
    clientCode: 4211,
    status: 404,
    meaning: 'A machine was not found; nothing is assigned',
  },
  capture_pending: {
    clientCode: 4212,
    status: 400,
    meaning: 'At a capture: an earlier image of the machine is still being created',
  },
  image_building: {
    clientCode: 4213,
    status: 400,
    meaning: 'The image is building and cannot be deleted',
  },
  machine_not_assignable: {
    clientCode: 4214,
    status: 400,
    meaning: 'At an assignment: an image of the machine is still being created',
  },
  image_too_large: {
    clientCode: 4510,
    status: 400,
    meaning: "The image is larger than the machine's disk",
  },
  permission_required: { clientCode: 4710, status: 403, meaning: 'The key lacks the permission' },
  no_capacity: {
    clientCode: 440,
    status: 503,
    meaning:
      'No capacity: the host has too little memory or too few processors for the machine or the build, or no room for what is made; the message has both numbers',
  },
  disk_resizing: { clientCode: 469, status: 409, meaning: "The machine's disk is being resized" },
  internal: {
    clientCode: 500,
    status: 500,
    meaning: 'An error of the service; the log has the cause under the request id',
  },
  unavailable: {
    clientCode: 503,
    status: 503,
    meaning: 'The service cannot answer now; try again',
  },
} as const satisfies Record<string, WireError>;

export type WireErrorName = keyof typeof wireErrors;
