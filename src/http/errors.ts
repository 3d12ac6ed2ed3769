// Translates every failure into the envelope: ours by the table, the framework's by what they mean,
// anything else as an internal error whose cause is in the log under the request id and never in
// the answer.

import type { ErrorObject } from 'ajv';
import type { FastifyError } from 'fastify';
import { type WireError, wireErrors } from '../contract/errors.ts';
import type { Envelope } from '../contract/table.ts';
import { AppError, type ErrorCode } from '../domain/error.ts';

const table: Record<ErrorCode, WireError> = wireErrors;

export const timestampOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** The envelope of a successful answer. */
export const envelopeAt = (ms: number): Envelope => ({
  client_code: 200,
  message: 'OK',
  timestamp: timestampOf(ms),
});

export interface ErrorAnswer {
  status: number;
  body: Envelope;
  headers: Record<string, string>;
  /** True when the operator has to look: the cause belongs into the log. */
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
  const { code, validation, validationContext, statusCode } = error as Partial<FastifyError>;
  if (validation)
    return new AppError(
      'invalid',
      sentence(validation as unknown as ErrorObject[], validationContext ?? 'body'),
    );
  if (statusCode === 415) return new AppError('not_json', 'Send the body as application/json.');
  if (code === 'FST_ERR_MAX_PARAM_LENGTH' || code === 'FST_ERR_BAD_URL')
    return new AppError('invalid', 'The path cannot be read; send an id as a whole number.');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new AppError('invalid', (error as Error).message);
  return null;
}

const partNames: Record<string, string> = {
  body: 'The body',
  querystring: 'The query',
  params: 'The path',
};

/** What is wrong with the first field that is wrong, in words. */
function sentence([first]: readonly ErrorObject[], context: string): string {
  const part = partNames[context] ?? 'The request';
  if (!first) return `${part} is not valid.`;
  const field = first.instancePath.slice(1).replaceAll('/', '.');
  const where = field === '' ? part : `${part}'s field ${field}`;
  const params = first.params as Record<string, unknown>;
  switch (first.keyword) {
    case 'required':
      return `${field === '' ? part : where} lacks the field ${params.missingProperty}; add it.`;
    case 'additionalProperties':
      return `${where} has the unknown field ${params.additionalProperty}; leave it out.`;
    case 'enum':
      return `${where} must be one of: ${(params.allowedValues as unknown[]).join(', ')}.`;
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
