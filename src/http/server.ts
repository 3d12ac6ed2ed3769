// The HTTP server: a route for each operation of the contract, and the few others beside them. It
// knows the application and never the store.

import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Tracer } from '../lib/trace.ts';
import { refuseCommand } from './command.ts';
import { type Cors, corsFor, registerCors } from './cors.ts';
import { docsRoutes } from './docs.ts';
import { answerError } from './errors.ts';
import { healthRoutes } from './health.ts';
import { homeRoute } from './home.ts';
import { connectionLimits, refuseConnection, registerHygiene, requestId } from './hygiene.ts';
import { type LogOptions, logOptions } from './log.ts';
import { type Metrics, metricsRoute } from './metrics.ts';
import { type OperationOptions, operationRoutes } from './route.ts';
import { accessRoutes } from './routes/access.ts';
import { traceRequests } from './trace.ts';
import { schemaCompiler } from './validate.ts';

interface ServerOptions extends OperationOptions {
  /** Throws when the store cannot be written or the engine cannot work; asked by /readyz. */
  check(): Promise<void>;
  log: LogOptions;
  /** The origins whose pages may call the API. */
  corsOrigins: readonly string[];
  metrics: Metrics;
  tracer: Tracer;
  /** Whether /metrics is answered here. */
  showMetrics: boolean;
}

export function buildServer(options: ServerOptions): FastifyInstance {
  const cors = corsFor(options.corsOrigins);
  const app = emptyServer(options, cors);
  // The signature covers the bytes of the body as received, and says whose request it is; so the
  // body is read by the operation's route, once the header was judged.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setValidatorCompiler(schemaCompiler());
  registerHygiene(app);
  registerCors(app, cors);
  answerFailures(app, options);
  app.addHook('onResponse', ({ routeOptions, caller, log }, reply, done) => {
    const operation = routeOptions.config.operation ?? routeOptions.url ?? 'none';
    const { statusCode: code, elapsedTime: ms } = reply;
    options.metrics.answered(operation, code, ms);
    const { organisationId: organisation, keyId: key } = caller ?? {};
    log.debug({ operation, code, ms, organisation, key }, 'request answered');
    done();
  });
  traceRequests(app, options.tracer);
  operationRoutes(app, options);
  accessRoutes(app, options);
  homeRoute(app);
  healthRoutes(app, options.check);
  if (options.showMetrics) metricsRoute(app, options.metrics, { besideApi: true });
  docsRoutes(app);
  return app;
}

function emptyServer({ clock, log }: ServerOptions, cors: Cors): FastifyInstance {
  return Fastify({
    ...connectionLimits,
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, clock.now()),
    // A request that comes over an open connection while the server stops is still answered.
    return503OnClosing: false,
    // A path that cannot be decoded is refused before there is a route; it gets the envelope too.
    frameworkErrors: (error, request, reply) => {
      const { status, body } = answerError(error, clock.now());
      const refusal = reply as FastifyReply;
      cors(request as FastifyRequest, refusal);
      refusal.code(status).header('x-request-id', request.id).send(body);
    },
    routerOptions: { ignoreTrailingSlash: true },
    genReqId: requestId,
    forceCloseConnections: 'idle',
    ...logOptions(log),
  });
}

/** Turns the error of any step into an answer, and records the refusal of a change. */
function answerFailures(app: FastifyInstance, { application, clock }: ServerOptions): void {
  app.setErrorHandler(async (error, request, reply) => {
    const { status, body, headers, ours } = answerError(error, clock.now());
    if (ours) request.log.error({ err: error }, 'request failed');
    const { operation } = request.routeOptions.config;
    if (operation !== undefined)
      await refuseCommand(application, operation, request, body.client_code);
    return reply.code(status).headers(headers).send(body);
  });
}
