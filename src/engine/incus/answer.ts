// The shapes of Incus's answers, as far as they are used. Every answer is checked against its shape
// before it is used.

import { type Static, type TSchema, Type } from 'typebox';
import { Check } from 'typebox/value';
import { failedForNow } from '../../domain/error.ts';

const texts = Type.Record(Type.String(), Type.String());
const orNull = <Shape extends TSchema>(shape: Shape) => Type.Union([shape, Type.Null()]);

/** The envelope of every answer. */
export const Envelope = Type.Object({
  type: Type.String(),
  operation: Type.Optional(Type.String()),
  error_code: Type.Optional(Type.Number()),
  error: Type.Optional(Type.String()),
  metadata: Type.Unknown(),
});

export const Operation = Type.Object({
  id: Type.String(),
  class: Type.String(),
  description: Type.String(),
  status: Type.String(),
  status_code: Type.Number(),
  err: Type.String(),
  metadata: Type.Unknown(),
  resources: Type.Optional(orNull(Type.Record(Type.String(), orNull(Type.Array(Type.String()))))),
});
export type Operation = Static<typeof Operation>;

/** An operation in the event stream. */
export const OperationEvent = Type.Object({
  type: Type.Literal('operation'),
  metadata: Type.Object({ id: Type.String(), status_code: Type.Number() }),
});

export const Server = Type.Object({
  api_extensions: Type.Array(Type.String()),
  auth: Type.String(),
  environment: Type.Optional(
    Type.Object({
      server: Type.String(),
      server_version: Type.String(),
      server_clustered: Type.Boolean(),
      server_name: Type.String(),
    }),
  ),
});
export type Server = Static<typeof Server>;

export const Project = Type.Object({ config: texts });

/** An instance on a member that does not answer has no configuration. */
export const Instance = Type.Object({
  name: Type.String(),
  type: Type.String(),
  status: Type.String(),
  status_code: Type.Number(),
  location: Type.String(),
  /** When it was started last. */
  last_used_at: Type.Optional(Type.String()),
  config: orNull(texts),
  devices: orNull(Type.Record(Type.String(), texts)),
});
export type Instance = Static<typeof Instance>;

/** An instance with its state, which is absent when its member does not answer. */
export const FullInstance = Type.Object({
  name: Type.String(),
  state: Type.Union([
    Type.Null(),
    Type.Object({
      disk: Type.Union([
        Type.Null(),
        Type.Record(Type.String(), Type.Object({ usage: Type.Optional(Type.Number()) })),
      ]),
    }),
  ]),
});

export const Profile = Type.Object({ devices: Type.Record(Type.String(), texts) });

export const Image = Type.Object({
  fingerprint: Type.String(),
  size: Type.Number(),
  type: Type.String(),
  properties: orNull(texts),
});
export type Image = Static<typeof Image>;

export const Alias = Type.Object({ name: Type.String(), target: Type.String() });

export const Member = Type.Object({ server_name: Type.String(), status: Type.String() });

export const Group = Type.Object({ name: Type.String() });

export const Pool = Type.Object({ name: Type.String(), driver: Type.String() });

export const PoolResources = Type.Object({
  space: Type.Object({ used: Type.Optional(Type.Number()), total: Type.Number() }),
});

/** Returns the value when it has the shape. Throws `unavailable` otherwise. */
export function parseAnswer<Shape extends TSchema>(
  shape: Shape,
  value: unknown,
  what: string,
): Static<Shape> {
  if (Check(shape, value)) return value;
  throw failedForNow('Incus gave an answer that cannot be understood; is it Incus?', {
    detail: `${what}: ${JSON.stringify(value)?.slice(0, 500)}`,
  });
}
