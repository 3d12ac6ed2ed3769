// The routes of the operator's API. Beside the API of organisations they are answered to callers on
// this host only. To everyone else, and to keys of organisations, there is nothing at these paths.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type OperatorApi, operatorOf } from '../app/operator/api.ts';
import { enveloped } from '../contract/envelope.ts';
import type { OperationSpec } from '../contract/operation.ts';
import {
  type OperatorInput,
  type OperatorOperationName,
  operatorOperationNames,
  operatorOperations,
  operatorPrefix,
} from '../contract/operator.ts';
import { AppError } from '../domain/error.ts';
import { isOperatorPermission } from '../domain/key.ts';
import type { Clock } from '../lib/clock.ts';
import type { Authenticator } from './authenticate.ts';
import { Bodies } from './body.ts';
import { envelopeAt } from './errors.ts';
import { pathOf } from './hygiene.ts';
import { isOwn } from './own-request.ts';
import { given, json, judging, lacking, parsing } from './route.ts';
import { operatorHandlers } from './routes/operator.ts';

export interface OperatorOptions {
  operator: OperatorApi;
  authenticator: Authenticator;
  clock: Clock;
}

const nothingAt = (request: FastifyRequest) =>
  new AppError(
    'not_found',
    `There is nothing at ${pathOf(request)}; /openapi.json lists what there is.`,
  );

const refusal = (enough: readonly string[], request: FastifyRequest) =>
  given(request.caller).permissions.some(isOperatorPermission)
    ? lacking(enough, request)
    : nothingAt(request);

export function operatorRoutes(
  app: FastifyInstance,
  options: OperatorOptions,
  { besideApi }: { besideApi: boolean },
): void {
  const bodies = new Bodies();
  for (const name of operatorOperationNames) {
    const spec: OperationSpec = operatorOperations[name];
    const { method, path, params, query, body } = spec;
    const judge = judging(spec, options.authenticator, bodies, refusal);
    app.route({
      method,
      url: operatorPrefix + path.replaceAll(/\{(\w+)\}/g, ':$1'),
      schema: {
        ...(params && { params }),
        ...(query && { querystring: query }),
        ...(body && { body }),
      },
      async onRequest(request, reply) {
        if (besideApi && !isOwn(request.raw)) throw nothingAt(request);
        await judge(request, reply);
      },
      preValidation: parsing(spec),
      handler: answering(name, options),
    });
  }
}

function answering<Name extends OperatorOperationName>(
  name: Name,
  { operator: api, clock }: OperatorOptions,
) {
  const spec: OperationSpec = operatorOperations[name];
  const schema: Record<string, unknown> = { ...enveloped(spec.response) };
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { params, query, body } = request;
    const hungUp = new AbortController();
    reply.raw.once('close', () => hungUp.abort(new Error('the caller hung up')));
    const isRead = spec.method === 'GET';
    const answer = await operatorHandlers[name](
      {
        api,
        operator: isRead ? null : await operatorOf(api, given(request.caller)),
        signal: hungUp.signal,
      },
      { params, query, body } as OperatorInput<Name>,
    );
    reply.type(json).serializer(reply.compileSerializationSchema(schema));
    return { ...answer, ...envelopeAt(clock.now()) };
  };
}
