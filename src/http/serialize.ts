// The serializers of answers. Each is compiled when the first such answer is sent, so that a server
// starts sooner, and once for all servers of the process.

import type { FastifyReply } from 'fastify';
import { enveloped } from '../contract/envelope.ts';
import { withoutExtensions } from '../contract/extension.ts';
import type { OperationSpec } from '../contract/operation.ts';

export const json = 'application/json; charset=utf-8';

type Serialize = ReturnType<FastifyReply['compileSerializationSchema']>;
type Form = 'whole' | 'plain';

const compiled: Record<Form, WeakMap<OperationSpec, Serialize>> = {
  whole: new WeakMap(),
  plain: new WeakMap(),
};

/** Of an answer as JSON: `whole`, or `plain` for a caller that does not ask for our own fields. */
export function serializerOf(spec: OperationSpec, form: Form, reply: FastifyReply): Serialize {
  const known = compiled[form].get(spec);
  if (known) return known;
  const whole: Record<string, unknown> = { ...enveloped(spec.response) };
  const serialize = reply.compileSerializationSchema(
    form === 'whole' ? whole : withoutExtensions(whole),
  );
  compiled[form].set(spec, serialize);
  return serialize;
}
