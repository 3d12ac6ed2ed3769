// The routes of the operator's API. A request is judged only when it may come from where it comes
// from, and names a key of operators. For all others there is nothing at these paths: they get the
// same answer as for an unknown path, before their signature is looked at.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { SignedOperator } from '../app/caller.ts';
import {
  type OperatorDependencies,
  operatorRequest,
  runOperatorCommand,
} from '../app/operator/request.ts';
import { pathPrefix } from '../contract/envelope.ts';
import { type OperationSpec, permissionsOf } from '../contract/operation.ts';
import {
  type OperatorInput,
  type OperatorOperationName,
  operatorOperationNames,
  operatorSpecOf,
} from '../contract/operator/table.ts';
import { parseAuthorization } from '../contract/signing.ts';
import { isOperatorKeyId } from '../domain/operator-key.ts';
import type { Authenticator } from './authenticate.ts';
import { Bodies } from './body.ts';
import { commandOf } from './command.ts';
import { envelopeAt } from './errors.ts';
import { given } from './handler.ts';
import { isOwn } from './own.ts';
import { assertPermission, proven } from './proven.ts';
import { parsing } from './route.ts';
import { operatorHandlers } from './routes/operator.ts';
import { json, serializerOf } from './serialize.ts';

declare module 'fastify' {
  interface FastifyRequest {
    operator: SignedOperator | null;
  }
}

export interface OperatorOptions {
  authenticator: Authenticator;
  dependencies: OperatorDependencies;
  /** Whether only callers on this host are answered, who came directly. */
  ownOnly: boolean;
  /** Tells the reconciler that something was changed. */
  nudge(): void;
}

export function operatorRoutes(app: FastifyInstance, options: OperatorOptions): void {
  const bodies = new Bodies();
  for (const name of operatorOperationNames) {
    const spec = operatorSpecOf(name);
    const { method, path, params, query, body } = spec;
    app.route({
      method,
      url: pathPrefix + path.replaceAll(/\{(\w+)\}/g, ':$1'),
      config: { operatorOperation: `operator.${name}` },
      schema: {
        ...(params && { params }),
        ...(query && { querystring: query }),
        ...(body && { body }),
      },
      onRequest: judging(spec, options, bodies),
      preValidation: parsing(spec),
      handler: method === 'GET' ? reading(name, options) : changing(name, options),
    });
  }
}

function judging(spec: OperationSpec, { authenticator, ownOnly }: OperatorOptions, bodies: Bodies) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { key = '' } = parseAuthorization(request.headers.authorization ?? '') ?? {};
    if (!isOperatorKeyId(key) || (ownOnly && !isOwn(request.raw))) {
      reply.callNotFound();
      return reply;
    }
    const isBytes = spec.content === 'request';
    const caller = await proven(request, reply, { authenticator, bodies, isBytes });
    if (caller.organisationId !== null) throw new TypeError('an id of operators is no other key’s');
    request.operator = caller;
    assertPermission(caller.permissions, permissionsOf(spec));
  };
}

type Input = OperatorInput<OperatorOperationName> & { content: Buffer };

/** The parts of a request, which were checked against the schemas of the operation. */
const inputOf = ({ params, query, body, rawBody }: FastifyRequest) =>
  ({ params, query, body: body ?? {}, content: given(rawBody) }) as Input;

type Handler = (request: ReturnType<typeof operatorRequest>, input: Input) => Promise<object>;

const handlerOf = (name: OperatorOperationName) => operatorHandlers[name] as Handler;

function reading(name: OperatorOperationName, { dependencies }: OperatorOptions) {
  const handler = handlerOf(name);
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const asked = operatorRequest(dependencies, given(request.operator), request.id);
    const answer = await handler(asked, inputOf(request));
    reply.type(json).serializer(serializerOf(operatorSpecOf(name), 'whole', reply));
    return { ...answer, ...envelopeAt(dependencies.clock.now()) };
  };
}

function changing(name: OperatorOperationName, { dependencies, nudge }: OperatorOptions) {
  const handler = handlerOf(name);
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const caller = given(request.operator);
    const command = commandOf(`operator.${name}`, caller, request, given(request.rawBody));
    const { answer, again } = await runOperatorCommand(dependencies, command, async (asked) => ({
      ...(await handler(asked, inputOf(request))),
      ...envelopeAt(dependencies.clock.now()),
    }));
    if (again) reply.header('idempotent-replayed', 'true');
    else nudge();
    reply.type(json).serializer(serializerOf(operatorSpecOf(name), 'whole', reply));
    return answer;
  };
}
