// The span of a request. Each change has one, and a read has one when its caller sends a
// `traceparent`: reads are too many, and say nothing about work. A request without a good signature
// has none, so that strangers cannot fill a trace.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isReadName } from '../contract/table.ts';
import { noTracer, type Span, type Tracer } from '../lib/trace.ts';

declare module 'fastify' {
  interface FastifyRequest {
    span: Span | null;
  }
}

/** A longer header is none of the W3C's. */
const charactersMax = 128;

const parentOf = ({ headers }: FastifyRequest): string | undefined => {
  const { traceparent } = headers;
  return typeof traceparent === 'string' && traceparent.length <= charactersMax
    ? traceparent
    : undefined;
};

export function traceRequests(app: FastifyInstance, tracer: Tracer): void {
  app.decorateRequest('span', null);
  if (tracer === noTracer) return;
  app.addHook('onRequest', (request, _reply, done) => {
    const { operation } = request.routeOptions.config;
    const parent = parentOf(request);
    if (operation !== undefined && (parent !== undefined || !isReadName(operation)))
      request.span = tracer.begin({
        name: operation,
        kind: 'server',
        parent,
        attributes: {
          'http.request.method': request.method,
          'http.route': request.routeOptions.url ?? '',
          'silversmith.request.id': request.id,
        },
      });
    done();
  });
  app.addHook('onResponse', ({ span, caller }, { statusCode }, done) => {
    if (caller !== null)
      span?.end(
        {
          'http.response.status_code': statusCode,
          'silversmith.organisation.id': caller.organisationId,
        },
        statusCode >= 500 ? String(statusCode) : undefined,
      );
    done();
  });
}
