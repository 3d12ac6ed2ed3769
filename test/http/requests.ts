// Signed requests to a server in process. Each answer to an operation is compared with the
// committed OpenAPI document.

import { createHmac, randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { type OperationName, specOf } from '../../src/contract/table.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { assertDocumented, operationAt } from './documented.ts';

export interface Key {
  key: string;
  secret: string;
}

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
  headers: Record<string, unknown>;
}

/**
 * Refused by operations that answer with a stream of events, and not read by any other. A test that
 * draws any operation sends it, because it would wait for the end of a stream.
 */
export const refusedByStreams = { 'last-event-id': 'x' };

interface RawRequest {
  method: string;
  path: string;
  query?: string;
  body?: string;
  headers?: Record<string, string>;
  nonce?: string;
  timestamp?: number;
  /** The path to sign, when it differs from the path to send. */
  signedPath?: string;
  /** The signature to send, when it is not the right one. */
  signature?: string;
  /** Where the caller is. Default: on this host. */
  remoteAddress?: string;
  /** Whether the caller asks for our own fields. Default: it does, as our client does. */
  extensions?: boolean;
}

interface CallInput {
  params?: Record<string, unknown>;
  query?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Requests to `server`, under the key `ours` unless another one is named. */
export function requestsTo(server: FastifyInstance, clock: Clock, ours: Key) {
  const sendRaw = async (request: RawRequest, as: Key = ours, app = server) => {
    const { method, path, query = '', body = '', nonce = randomUUID() } = request;
    const timestamp = String(request.timestamp ?? clock.now());
    const text = `${as.key}${method}${request.signedPath ?? path}${timestamp}${nonce}${body}`;
    const signature =
      request.signature ?? createHmac('sha256', as.secret).update(text).digest('hex');
    return app.inject({
      method: method as 'GET',
      url: path + query,
      ...(request.remoteAddress && { remoteAddress: request.remoteAddress }),
      headers: {
        authorization: `HMAC ${as.key}:${signature}:${nonce}:${timestamp}`,
        ...(request.extensions !== false && { 'silversmith-extensions': '1' }),
        ...(body !== '' && { 'content-type': 'application/json' }),
        ...request.headers,
      },
      ...(body !== '' && { payload: body }),
    });
  };
  const send = async (request: RawRequest, as: Key = ours, app = server): Promise<Answer> => {
    const response = await sendRaw(request, as, app);
    const { method, path } = request;
    const status = response.statusCode;
    const body = response.json();
    const operation = operationAt(method, path);
    if (operation) assertDocumented(operation, status, body);
    return { status, body, headers: response.headers };
  };
  /** Calls an operation with the fields of its path; `body` and `query` are sent as they are. */
  const call = async (name: OperationName, input: CallInput = {}, as?: Key): Promise<Answer> => {
    const { method, path } = specOf(name);
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, field: string) =>
      encodeURIComponent(String(input.params?.[field])),
    );
    const request = {
      method,
      path: pathPrefix + filled,
      ...(input.query && { query: input.query }),
      ...(input.headers && { headers: input.headers }),
      ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
    };
    const answer = await send(request, as);
    assertDocumented(name, answer.status, answer.body);
    return answer;
  };
  return { send, sendRaw, call };
}
