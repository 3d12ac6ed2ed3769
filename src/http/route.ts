// The route of an operation. Each request is checked in the contract's order: authentication,
// permission, body and query; the application checks existence and state. A read sees committed
// rows; a change runs in one transaction, after which the reconciler is nudged. A read without a
// body whose answer is kept is answered once its caller is known.

import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RouteHandlerMethod,
  RouteOptions,
} from 'fastify';
import type { Application, Change } from '../app/application.ts';
import type { SignedCaller } from '../app/caller.ts';
import { pathPrefix } from '../contract/envelope.ts';
import { extensionsHeader, isObject } from '../contract/extension.ts';
import { lastEventIdHeader, type OperationSpec, permissionsOf } from '../contract/operation.ts';
import type { OperatorOperationName } from '../contract/operator/table.ts';
import {
  type AnswerName,
  type ChangeName,
  isAnswerName,
  isReadName,
  isStreamName,
  type OperationName,
  operationNames,
  type ReadName,
  type StreamName,
  specOf,
} from '../contract/table.ts';
import { AppError } from '../domain/error.ts';
import type { Clock } from '../lib/clock.ts';
import { Turns } from '../lib/turns.ts';
import type { Authenticator } from './authenticate.ts';
import { assertNoBody, Bodies, parseBody } from './body.ts';
import { commandOf } from './command.ts';
import { envelopeAt } from './errors.ts';
import { EventStreams } from './event-stream.ts';
import { sendFile } from './file.ts';
import { FileAnswer, given, type Input } from './handler.ts';
import { reachedAt } from './hygiene.ts';
import { KeptAnswers } from './kept-answers.ts';
import { lenientBody, lenientQuery } from './lenient.ts';
import type { Metrics } from './metrics.ts';
import { assertPermission, proven } from './proven.ts';
import { parseLastEventId, streamHandlers } from './routes/event.ts';
import { changeHandlers, readHandlers, stages } from './routes.ts';
import { json, serializerOf } from './serialize.ts';

declare module 'fastify' {
  interface FastifyRequest {
    caller: SignedCaller | null;
    rawBody: Buffer | null;
  }
  interface FastifyContextConfig {
    operation?: OperationName;
    operatorOperation?: `operator.${OperatorOperationName}`;
  }
}

export interface OperationOptions {
  application: Application;
  authenticator: Authenticator;
  clock: Clock;
  /** The address at which callers reach the server; null: the address of each request. */
  publicUrl: string | null;
  metrics: Pick<Metrics, 'events'>;
  /** Tells the reconciler that something was changed. */
  nudge(): void;
}

export function operationRoutes(app: FastifyInstance, options: OperationOptions): void {
  const bodies = new Bodies();
  const kept = new KeptAnswers();
  const streams = new EventStreams(app, options.application, options.metrics.events);
  for (const name of operationNames) {
    const judge = judging(specOf(name), options.authenticator, bodies);
    app.route({
      ...declared(name),
      ...(isReadName(name)
        ? {
            onRequest: keptFirst(judge, kept, options),
            handler: handlerOf(name, kept, streams, options),
          }
        : { onRequest: judge, handler: changing(name, options) }),
      preValidation: parsing(specOf(name)),
    });
  }
}

/** The part of a route that the row of its operation declares. */
function declared(name: OperationName): Pick<RouteOptions, 'method' | 'url' | 'schema' | 'config'> {
  const { method, path, params, query, body } = specOf(name);
  return {
    method,
    config: { operation: name },
    url: pathPrefix + path.replaceAll(/\{(\w+)\}/g, ':$1'),
    schema: {
      ...(params && { params }),
      ...(query && { querystring: query }),
      ...(body && { body }),
    },
  };
}

/** Judges who asks, and whether they may. The schemas are checked afterwards. */
function judging(operation: OperationSpec, authenticator: Authenticator, bodies: Bodies) {
  const isBytes = operation.content === 'request';
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const caller = await proven(request, reply, { authenticator, bodies, isBytes });
    if (caller.organisationId === null)
      throw new AppError(
        'permission_required',
        'This key is an operator’s and belongs to no organisation; use a key of the organisation (silversmith key create --organisation NAME).',
      );
    request.caller = caller;
    assertPermission(caller.permissions, permissionsOf(operation));
  };
}

/** Answers from memory at once: the request that the answer was made for has passed all checks. */
function keptFirst(
  judge: ReturnType<typeof judging>,
  kept: KeptAnswers,
  { application, clock }: OperationOptions,
) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    await judge(request, reply);
    if (given(request.rawBody).length > 0) return;
    const answer = kept.find(application.version(), keyOf(request), clock.now());
    if (answer) return reply.type(json).send(answer);
  };
}

export const parsing = (operation: OperationSpec) => async (request: FastifyRequest) => {
  const body = given(request.rawBody);
  request.query = lenientQuery(operation, request.query);
  if (operation.body)
    request.body = lenientBody(operation, parseBody(request.headers['content-type'], body));
  else if (operation.content !== 'request') assertNoBody(body);
};

/**
 * A read answers whole; with a stream of events when it does nothing else, or is asked to follow.
 */
function handlerOf(
  name: ReadName,
  kept: KeptAnswers,
  streams: EventStreams,
  options: OperationOptions,
): RouteHandlerMethod {
  const whole = isAnswerName(name) ? reading(name, kept, options) : null;
  const stream = isStreamName(name) ? streaming(name, streams, options) : null;
  if (stream === null) return given(whole);
  return async (request, reply) => {
    const { query } = request;
    const isFollowed = isObject(query) && query.follow === true;
    return whole && !isFollowed ? whole(request, reply) : stream(request, reply);
  };
}

function streaming<Name extends StreamName>(
  name: Name,
  streams: EventStreams,
  { application }: OperationOptions,
) {
  const handler = streamHandlers[name];
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { params, query } = inputOf<Name>(request);
    const caller = given(request.caller);
    const after = parseLastEventId(request.headers[lastEventIdHeader.name.toLowerCase()]);
    const asked = await handler({ application, caller, params, query, after });
    await streams.open(request, reply, caller, asked);
  };
}

function reading<Name extends AnswerName>(
  name: Name,
  kept: KeptAnswers,
  { application, clock }: OperationOptions,
) {
  const handler = readHandlers[name];
  const isFile = specOf(name).content === 'response';
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const caller = given(request.caller);
    const read = () =>
      application.read(caller, (context) => handler(context, inputOf<Name>(request)));
    if (isFile) {
      const { result } = await read();
      if (!(result instanceof FileAnswer))
        throw new TypeError('this operation answers with a file');
      return sendFile(request, reply, result);
    }
    const now = clock.now();
    const make = async () => {
      const { result, isTimeless } = await read();
      if (result instanceof FileAnswer) throw new TypeError('this operation answers with JSON');
      const answer: Record<string, unknown> = { ...result, ...envelopeAt(now) };
      return { text: serializer(name, request, reply)(answer), isTimeless };
    };
    const key = keyOf(request);
    return reply.type(json).send(await kept.get(application.version(), key, now, make));
  };
}

function changing<Name extends ChangeName>(name: Name, options: OperationOptions) {
  const { application, clock } = options;
  const handler = changeHandlers[name];
  const stage = stages[name];
  const turns = new Turns();
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const input = inputOf<Name>(request);
    const change: Change = {
      command: commandOf(name, given(request.caller), request, input.content),
      publicUrl: options.publicUrl ?? reachedAt(request.raw.socket),
      effect: async (context) => ({
        ...(await handler(context, input)),
        ...envelopeAt(clock.now()),
      }),
    };
    const { answer, again } = stage
      ? await turns.take(stage.turn(input), () =>
          application.change({ ...change, stage: (context) => stage.run(context, input) }),
        )
      : await application.change(change);
    if (again) reply.header('idempotent-replayed', 'true');
    else options.nudge();
    reply.type(json).serializer(serializer(name, request, reply));
    return answer;
  };
}

/** Tells the answer of a read from all others: of an organisation, to a target, in one shape. */
const keyOf = (request: FastifyRequest) =>
  `${given(request.caller).organisationId} ${asksForExtensions(request)} ${request.url}`;

/** The parts of a request, which were checked against the schemas of the operation. */
const inputOf = <Name extends OperationName>(request: FastifyRequest) => {
  const { params, query, body, rawBody } = request;
  return { params, query, body, content: given(rawBody) } as Input<Name>;
};

const extensions = extensionsHeader.name.toLowerCase();
const asksForExtensions = ({ headers }: FastifyRequest) =>
  headers[extensions] === extensionsHeader.value;

const serializer = (name: OperationName, request: FastifyRequest, reply: FastifyReply) =>
  serializerOf(specOf(name), asksForExtensions(request) ? 'whole' : 'plain', reply);
