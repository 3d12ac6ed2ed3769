// Translates each failure into the envelope: our own errors by the table of the contract, the
// framework's by their meaning, and any other as an internal error. The cause of an internal error
// is in the log under the request id, and never in the answer.

import type { FastifyError, FastifySchemaValidationError } from 'fastify';
import { type WireError, wireErrors } from '../contract/errors.ts';
import type { Envelope } from '../contract/table.ts';
import { AppError, type ErrorCode, invalid } from '../domain/error.ts';

const table: Record<ErrorCode, WireError> = wireErrors;

export const wireErrorOf = (code: ErrorCode): WireError => table[code];

export const timestampOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** The envelope of a successful answer. */
export const envelopeAt = (ms: number): Envelope => ({
  client_code: 200,
  message: 'OK',
  timestamp: timestampOf(ms),
});

interface ErrorAnswer {
  status: number;
  body: Envelope;
  headers: Record<string, string>;
  /** True when the operator has to look into it, so that the cause is logged. */
  ours: boolean;
}

export function answerError(error: unknown, now: number): ErrorAnswer {
  const known = toAppError(error);
  const { status, clientCode } = table[known?.code ?? 'internal'];
  const message =
    known?.code === 'internal' || !known
      ? 'An internal error; the log has its cause under the request id.'
      : known.message;
  const headers: Record<string, string> =
    known?.retryAfterMs === undefined
      ? {}
      : { 'retry-after': String(Math.ceil(known.retryAfterMs / 1000)) };
  return {
    status,
    headers,
    ours: status >= 500,
    body: { client_code: clientCode, message, timestamp: timestampOf(now) },
  };
}

function toAppError(error: unknown): AppError | null {
  if (error instanceof AppError) return error;
  const { code, validation, validationContext, statusCode, message } =
    error as Partial<FastifyError>;
  if (validation) return invalid(sentence(validation, validationContext ?? 'body'));
  if (statusCode === 415) return new AppError('not_json', 'Send the body as application/json.');
  if (code === 'FST_ERR_MAX_PARAM_LENGTH' || code === 'FST_ERR_BAD_URL')
    return invalid('The path cannot be read; send an id as a whole number.');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return invalid(message ?? 'The request is not valid.');
  return null;
}

/** The parts of a request, by the framework's names of them. */
export const partNames: Record<string, string> = {
  body: 'The body',
  querystring: 'The query',
  params: 'The path',
};

/** Returns a sentence about the first invalid field. */
function sentence([first]: readonly FastifySchemaValidationError[], context: string): string {
  const part = partNames[context] ?? 'The request';
  if (!first) return `${part} is not valid.`;
  const field = first.instancePath.slice(1).replaceAll('/', '.');
  const where = field === '' ? part : `${part}'s field ${field}`;
  const { params } = first;
  switch (first.keyword) {
    case 'required':
      return `${field === '' ? part : where} lacks the field ${params.missingProperty}; add it.`;
    case 'additionalProperties':
      return `${where} has the unknown field ${params.additionalProperty}; leave it out.`;
    case 'enum':
      return `${where} must be one of: ${[params.allowedValues].flat().join(', ')}.`;
    case 'maxItems':
    case 'maxLength':
    case 'maximum':
      return `${where} is too ${first.keyword === 'maximum' ? 'large' : 'long'}; the most is ${params.limit}.`;
    case 'format':
      if (first.params.format !== 'plain-text') return `${where} must be a ${first.params.format}.`;
      return `${where} holds a control or invisible character, or a space at its beginning or end; remove it.`;
    default:
      return `${where} ${first.message ?? 'is not valid'}.`;
  }
}
