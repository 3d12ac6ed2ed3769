// Lets pages of the origins that the operator named call the API from a browser (CORS). It concerns
// the operations alone: never the pages that links open, and never /metrics. A page signs its
// requests like any other caller, so no cookie or other credential of the browser is allowed.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { pathPrefix } from '../contract/envelope.ts';
import { extensionsHeader } from '../contract/extension.ts';
import { idempotencyHeader } from '../contract/operation.ts';
import { pathOf } from './hygiene.ts';

/** For how long a browser may remember an answer to its question. */
const preflightSeconds = 600;

const answered = {
  'access-control-expose-headers': 'x-request-id, idempotent-replayed, retry-after',
};
const preflight = {
  'access-control-allow-methods': 'GET, POST, DELETE',
  'access-control-allow-headers': [
    ...['authorization', 'content-type', idempotencyHeader.name, extensionsHeader.name],
    ...['range', 'last-event-id', 'x-request-id'],
  ]
    .join(', ')
    .toLowerCase(),
  'access-control-max-age': String(preflightSeconds),
};

export type Cors = (request: FastifyRequest, reply: FastifyReply) => void;

/** Returns what adds the headers to an answer, also to a refusal; it does nothing for others. */
export function corsFor(origins: readonly string[]): Cors {
  const allowed = new Set(origins);
  return (request, reply) => {
    const { origin } = request.headers;
    if (allowed.size === 0 || !pathOf(request).startsWith(`${pathPrefix}/`)) return;
    reply.header('vary', 'origin');
    if (origin === undefined || !allowed.has(origin)) return;
    const asks = request.method === 'OPTIONS' && 'access-control-request-method' in request.headers;
    reply.headers({ 'access-control-allow-origin': origin, ...(asks ? preflight : answered) });
  };
}

/** Each answer to an operation gets the headers before anything can refuse it. */
export function registerCors(app: FastifyInstance, cors: Cors): void {
  app.addHook('onRequest', (request, reply, done) => {
    cors(request, reply);
    done();
  });
}
