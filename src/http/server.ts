// The HTTP server: one route for each row of the contract's table. The checks run in the contract's
// order: authentication, permission, body and query, then (in the application) existence and state.
// A request that changes state is one transaction, in which its signature is recorded too; the
// reconciler is nudged when it is committed.

import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import type { OrganisationWriter, RequestContext } from '../app/context.ts';
import { enveloped, pathPrefix } from '../contract/envelope.ts';
import { extensionsHeader, withoutExtensions } from '../contract/extension.ts';
import type { OperationSpec } from '../contract/operation.ts';
import { openApiDocument } from '../contract/print/openapi.ts';
import { olderOpenApiDocument } from '../contract/print/openapi-3-0.ts';
import { type OperationName, operations } from '../contract/table.ts';
import { transferPartBytesMax } from '../contract/transfer.ts';
import { AppError } from '../domain/error.ts';
import type { TransferId } from '../domain/ids.ts';
import type { Permission } from '../domain/key.ts';
import { atMostEvery } from '../lib/at-most-every.ts';
import type { Clock } from '../lib/clock.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { Signer } from '../lib/signing-key.ts';
import { Turns } from '../lib/turns.ts';
import { visible } from '../lib/visible.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import type { Authenticator, Caller, Claim } from './authenticate.ts';
import { assertNoBody, Bodies, parseBody } from './body.ts';
import { recordRefusal, runCommand } from './command.ts';
import { answerError, timestampOf } from './errors.ts';
import { sendFile } from './file.ts';
import type { FileAnswer, Handler, Handlers, Stage, Stages } from './handler.ts';
import { homeRoute } from './home.ts';
import {
  connectionLimits,
  httpLimits,
  pathOf,
  reachedAt,
  refuseConnection,
  registerHygiene,
  requestId,
} from './hygiene.ts';
import { lenientBody, lenientQuery } from './lenient.ts';
import { type Metrics, metricsRoute } from './metrics.ts';
import { accessRoutes } from './routes/access.ts';
import { auditRoutes } from './routes/audit.ts';
import { fileRoutes } from './routes/file.ts';
import { imageRoutes } from './routes/image.ts';
import { machineRoutes } from './routes/machine.ts';
import { softwareRoutes } from './routes/software.ts';
import { storageRoutes } from './routes/storage.ts';
import { transferRoutes, transferStages } from './routes/transfer.ts';
import { usageRoutes } from './routes/usage.ts';
import { schemaCompiler } from './validate.ts';

const stages: Stages = { ...transferStages };

/** How long an answer of /readyz is good for. */
const readyMs = 2000;

const document = openApiDocument();
const olderDocument = olderOpenApiDocument(document);

const handlers: Handlers = {
  ...auditRoutes,
  ...fileRoutes,
  ...imageRoutes,
  ...machineRoutes,
  ...softwareRoutes,
  ...storageRoutes,
  ...transferRoutes,
  ...usageRoutes,
};

export interface ServerOptions {
  store: Store;
  clock: Clock;
  authenticator: Authenticator;
  masterKey: MasterKey;
  signer: Signer;
  transferPath(id: TransferId): string;
  keepDiskMs: number;
  /** Where callers reach the server; null: the address at which each has reached it. */
  publicUrl: string | null;
  nudge(): void;
  /** Throws when the store cannot be written or the engine cannot work; asked by /readyz. */
  check(): Promise<void>;
  logLevel: string;
  metrics: Metrics;
  /** Whether /metrics is answered here. */
  showMetrics: boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    claim: Claim | null;
    caller: Caller | null;
    rawBody: Buffer | null;
  }
}

export function buildServer(options: ServerOptions): FastifyInstance {
  const { clock } = options;
  const app = Fastify({
    ...connectionLimits,
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, clock.now()),
    // A request that comes over an open connection while the server stops is still answered.
    return503OnClosing: false,
    // What the router refuses before there is a route, such as a path that cannot be decoded,
    // closes with the envelope too.
    frameworkErrors: (error, request, reply) => {
      const { status, body } = answerError(error, clock.now());
      (reply as FastifyReply).code(status).header('x-request-id', request.id).send(body);
    },
    routerOptions: { ignoreTrailingSlash: true },
    genReqId: requestId,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    // JSON leaves some characters alone that a terminal obeys.
    logger: {
      level: options.logLevel,
      stream: { write: (line) => void process.stderr.write(visible(line)) },
    },
  });
  app.decorateRequest('claim', null);
  app.decorateRequest('caller', null);
  app.decorateRequest('rawBody', null);
  // The signature covers the bytes as received, and says first whose they are: they are read when
  // the header has been judged.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setValidatorCompiler(schemaCompiler());

  registerHygiene(app);
  app.setErrorHandler(async (error, request, reply) => {
    const { status, body, headers, ours } = answerError(error, clock.now());
    if (ours)
      request.log.error(
        { err: error, detail: error instanceof AppError ? error.detail : undefined },
        'request failed',
      );
    const { caller, id: requestId, params } = request;
    const { operation: name } = request.routeOptions.config as { operation?: OperationName };
    if (name !== undefined && caller !== null)
      await recordRefusal(options.store, {
        name,
        caller,
        requestId,
        params,
        clientCode: body.client_code,
      });
    return reply.code(status).headers(headers).send(body);
  });
  app.addHook('onResponse', async (request, reply) => {
    const { config, url = 'none' } = request.routeOptions;
    options.metrics.answered(
      (config as { operation?: string }).operation ?? url,
      reply.statusCode,
      reply.elapsedTime,
    );
  });
  const bodies = new Bodies();
  for (const [name, operation] of Object.entries(operations))
    route(app, name as OperationName, operation, options, bodies);
  accessRoutes(app, options);
  homeRoute(app);
  app.get('/healthz', async () => ({ status: 'ok' }));
  // Anybody may ask, as often as they like.
  const check = atMostEvery(readyMs, options.check);
  app.get('/readyz', async () => {
    await check().catch((error) => {
      if (error instanceof AppError && error.code === 'unavailable') throw error;
      throw new AppError(
        'unavailable',
        'The store or the engine does not work; the log says why.',
        {
          detail: String(error),
        },
      );
    });
    return { status: 'ok' };
  });
  if (options.showMetrics) metricsRoute(app, options.metrics, { besideApi: true });
  app.get('/openapi.json', async () => document);
  app.get('/openapi-3.0.json', async () => olderDocument);
  app.register(swagger, { mode: 'static', specification: { document: document as never } });
  app.register(swaggerUi, {
    routePrefix: '/docs',
    // The page signs nothing, so it offers no calls; its policy lets it load nothing from
    // elsewhere.
    uiConfig: {
      supportedSubmitMethods: [],
      docExpansion: 'list',
      defaultModelsExpandDepth: 0,
      layout: 'BaseLayout',
    },
    staticCSP: true,
    theme: {
      title: 'Silversmith: the API',
      css: [
        {
          filename: 'silversmith.css',
          content: '.scheme-container, .authorization__btn { display: none }',
        },
      ],
    },
  });
  return app;
}

function route(
  app: FastifyInstance,
  name: OperationName,
  operation: OperationSpec,
  options: ServerOptions,
  bodies: Bodies,
): void {
  const { store, clock, keepDiskMs } = options;
  const mutates = operation.method !== 'GET';
  const isBytes = operation.content === 'request';
  const handler = handlers[name] as unknown as Handler<'imageGet'>;
  const stage = stages[name] as Stage<'imageGet'> | undefined;
  const turns = new Turns();
  const plain = withoutExtensions(enveloped(operation.response)) as Record<string, unknown>;
  /** A caller that does not ask for our fields gets none. */
  const fitted = (request: FastifyRequest, reply: FastifyReply, answer: object) => {
    if (request.headers[extensionsHeader.name.toLowerCase()] !== extensionsHeader.value)
      reply
        .type('application/json; charset=utf-8')
        .serializer(reply.compileSerializationSchema(plain));
    return answer;
  };
  app.route({
    method: operation.method,
    config: { operation: name },
    url: pathPrefix + operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    schema: {
      ...(operation.params && { params: operation.params }),
      ...(operation.query && { querystring: operation.query }),
      ...(operation.body && { body: operation.body }),
      ...(operation.content !== 'response' && { response: { 200: enveloped(operation.response) } }),
    },
    async onRequest(request) {
      request.claim = await options.authenticator.claim({
        authorization: request.headers.authorization,
        method: request.method,
        path: pathOf(request),
        isBytes,
      });
    },
    async preValidation(request, reply) {
      const claim = request.claim as Claim;
      const body = await bodies.read(request.raw, reply.raw, {
        bytesMax: isBytes ? transferPartBytesMax : httpLimits.bodyBytes,
        keep: claim.isKnown,
        onBytes: (bytes) => claim.hmacs.forEach((hmac) => void hmac.update(bytes)),
      });
      request.rawBody = body;
      request.caller = options.authenticator.prove(claim);
      if (!request.caller.permissions.includes(operation.permission as Permission)) {
        throw new AppError(
          'permission_required',
          `This key lacks the permission ${operation.permission}; use one that has it.`,
        );
      }
      request.query = lenientQuery(operation, request.query);
      if (operation.body)
        request.body = lenientBody(operation, parseBody(request.headers['content-type'], body));
      else if (!isBytes) assertNoBody(body);
    },
    async handler(request, reply) {
      const caller = request.caller as Caller;
      const { params, query, body } = request;
      const content = request.rawBody ?? Buffer.alloc(0);
      const input = { params, query, body, content } as Parameters<typeof handler>[1];
      const envelope = () => ({
        client_code: 200,
        message: 'OK',
        timestamp: timestampOf(clock.now()),
      });
      const { organisationId, keyId } = caller;
      const publicUrl = options.publicUrl ?? reachedAt(request.raw.socket);
      const { signer, transferPath } = options;
      const asker = { organisationId, keyId, keepDiskMs, publicUrl, signer, transferPath };
      if (!mutates) {
        const answer = await store.read(organisationId, (work) =>
          handler({ ...asker, work }, input),
        );
        if (operation.content === 'response')
          return sendFile(request, reply, answer as unknown as FileAnswer);
        return fitted(request, reply, { ...answer, ...envelope() });
      }
      const command = {
        name,
        caller,
        requestId: request.id,
        method: request.method,
        path: pathOf(request),
        rawBody: content,
        idempotencyKey: request.headers['idempotency-key'] as string | undefined,
      };
      const effect = (work: OrganisationWriter, touched: RequestContext['touched']) => {
        const context: RequestContext = { ...asker, work, touched };
        return handler(context, input);
      };
      const staged = () =>
        store.read(organisationId, async (work) => stage?.run({ ...asker, work }, input));
      const run = () => runCommand(options, command, effect, envelope, staged);
      const { answer, again } = await (stage ? turns.take(stage.thing(input), run) : run());
      if (again) reply.header('idempotent-replayed', 'true');
      else options.nudge();
      return fitted(request, reply, answer);
    },
  });
}
