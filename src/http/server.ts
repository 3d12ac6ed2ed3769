// The HTTP server: one route for each row of the contract's table. The checks run in the contract's order: authentication, permission,
// body and query, then (in the application) existence and state. A request that changes state is one transaction, in which its nonce
// is recorded too; the reconciler is nudged when it is committed.

import { randomUUID } from 'node:crypto';
import { Ajv } from 'ajv';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import { parse as parseJson } from 'secure-json-parse';
import type { Tenant } from '../app/deps.ts';
import { AppError, invalid } from '../domain/error.ts';
import type { Permission } from '../domain/permission.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/port.ts';
import { openApiDocument } from '../wire/openapi.ts';
import { type OperationName, type OperationSpec, operations } from '../wire/operations.ts';
import { enveloped, pathPrefix } from '../wire/schema.ts';
import type { Authenticator, Caller } from './authenticate.ts';
import { runCommand } from './command.ts';
import { answerError, timestampOf } from './errors.ts';
import type { Handler, Handlers } from './handler.ts';
import { auditRoutes } from './routes/audit.ts';
import { imageRoutes } from './routes/image.ts';
import { machineRoutes } from './routes/machine.ts';
import { softwareRoutes } from './routes/software.ts';

const handlers: Handlers = { ...auditRoutes, ...imageRoutes, ...machineRoutes, ...softwareRoutes };

const bodyBytesMax = 1024 * 1024;
const requestMs = 30_000;

export interface ServerOptions {
  store: Store;
  clock: Clock;
  authenticator: Authenticator;
  settings: { keepDiskMs: number };
  nudge(): void;
  /** Throws when the engine cannot work; asked by /readyz. */
  checkEngine(): Promise<void>;
  logLevel: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null;
    rawBody: Buffer | null;
  }
}

export function buildServer(options: ServerOptions): FastifyInstance {
  const { store, clock } = options;
  const app = Fastify({
    bodyLimit: bodyBytesMax,
    // What the router refuses before there is a route, such as a path that cannot be decoded, closes with the envelope too.
    frameworkErrors: (error, request, reply) => {
      const { status, body } = answerError(error, clock.now());
      (reply as FastifyReply).code(status).header('x-request-id', request.id).send(body);
    },
    // Unique across restarts and replicas, since the audit trail keeps it.
    genReqId: () => randomUUID(),
    requestTimeout: requestMs,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
    logger: { level: options.logLevel, stream: process.stderr },
  });
  app.decorateRequest('caller', null);
  app.decorateRequest('rawBody', null);
  // The signature covers the bytes as received: they are kept as they are until they are verified.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  const strict = new Ajv({ allErrors: false, strict: false });
  const coercing = new Ajv({ allErrors: false, strict: false, coerceTypes: true });
  for (const ajv of [strict, coercing]) ajv.addFormat('date-time', true);
  app.setValidatorCompiler(({ schema, httpPart }) => (httpPart === 'body' ? strict : coercing).compile(schema));

  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.setErrorHandler((error, request, reply) => {
    const { status, body, ours } = answerError(error, clock.now());
    if (ours)
      request.log.error({ err: error, detail: error instanceof AppError ? error.detail : undefined }, 'request failed');
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler((request) => {
    const path = pathOf(request);
    const allowed = Object.values(operations).filter((operation) => pathPattern(operation.path).test(path));
    if (allowed.length > 0) {
      throw new AppError(
        'method_not_allowed',
        `${request.method} is not for this path; use ${allowed.map((operation) => operation.method).join(', ')}.`,
      );
    }
    throw new AppError('not_found', `There is nothing at ${path}; /openapi.json lists what there is.`);
  });

  for (const [name, operation] of Object.entries(operations)) route(app, name as OperationName, operation, options);
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async () => {
    await store.ping();
    await options.checkEngine();
    return { status: 'ok' };
  });
  const document = openApiDocument();
  app.get('/openapi.json', async () => document);
  return app;
}

const pathOf = (request: FastifyRequest): string => (request.raw.url ?? '').split('?', 1)[0] ?? '';

const pathPattern = (path: string) => new RegExp(`^${pathPrefix}${path.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`);

function route(app: FastifyInstance, name: OperationName, operation: OperationSpec, options: ServerOptions): void {
  const { store, clock, settings } = options;
  const mutates = operation.method !== 'GET';
  const handler = handlers[name] as unknown as Handler<'imageGet'>;
  app.route({
    method: operation.method,
    url: pathPrefix + operation.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    schema: {
      ...(operation.params && { params: operation.params }),
      ...(operation.query && { querystring: operation.query }),
      ...(operation.body && { body: operation.body }),
      response: { 200: enveloped(operation.response) },
    },
    async preValidation(request) {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      request.rawBody = body;
      const { authorization } = request.headers;
      request.caller = await options.authenticator.authenticate({
        authorization,
        method: request.method,
        path: pathOf(request),
        body,
      });
      if (!request.caller.permissions.includes(operation.permission as Permission)) {
        throw new AppError(
          'permission_required',
          `This key lacks the permission ${operation.permission}; use one that has it.`,
        );
      }
      request.body = operation.body ? parseBody(request, body) : undefined;
    },
    async handler(request, reply) {
      const caller = request.caller as Caller;
      const { params, query, body } = request;
      const input = { params, query, body } as Parameters<typeof handler>[1];
      const envelope = () => ({ client_code: 200, message: 'OK', timestamp: timestampOf(clock.now()) });
      const { organisationId } = caller;
      if (!mutates) {
        const answer = await store.read(organisationId, (work) => handler({ organisationId, work, settings }, input));
        return { ...answer, ...envelope() };
      }
      const command = {
        name,
        caller,
        requestId: request.id,
        method: request.method,
        path: pathOf(request),
        rawBody: request.rawBody ?? Buffer.alloc(0),
        idempotencyKey: request.headers['idempotency-key'] as string | undefined,
        params: (params ?? {}) as Record<string, unknown>,
        body: (body ?? {}) as Record<string, unknown>,
      };
      const effect = (work: Tenant) => handler({ organisationId, work, settings }, input);
      const { answer, again } = await runCommand(store, command, effect, envelope);
      if (again) reply.header('idempotent-replayed', 'true');
      else options.nudge();
      return answer;
    },
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** An empty body is an empty object. Throws `invalid` or `not_json`. */
function parseBody(request: FastifyRequest, body: Buffer): unknown {
  if (body.length === 0) return {};
  const type = request.headers['content-type'];
  if (type !== undefined && !/^(application|text)\/([\w.-]+\+)?json\b/i.test(type)) {
    throw new AppError('not_json', `The body is ${type}; send it as application/json.`);
  }
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw invalid('The body is not UTF-8.');
  }
  if (text.trim() === '') return {};
  try {
    return parseJson(text);
  } catch (error) {
    throw invalid(`The body is not JSON: ${(error as Error).message}`);
  }
}
