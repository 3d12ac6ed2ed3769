// The parts of requests and answers that several operations of the operator's API share.

import { type TProperties, type TSchema, Type } from 'typebox';
import type { KeyId } from '../domain/ids.ts';
import { DateTime, Id, NullableDateTime, NullableString, Text } from './envelope.ts';

export const layersMax = 20;
export const gbMax = 1_000_000_000;

export const Limit = () =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }));
export const Count = () => Type.Number({ minimum: 0 });
const quotaNames = ['images', 'machines', 'builds', 'stored_gb', 'kept_gb'] as const;
export const quotasOf = <Part extends TSchema>(part: () => Part) =>
  Object.fromEntries(quotaNames.map((name) => [name, part()])) as Record<
    (typeof quotaNames)[number],
    Part
  >;

export const Organisation = { organisation: Text(100, 'The name of the organisation') };
export const Quotas = Type.Object(quotasOf(Count));

export const Key = Type.Object({
  id: Type.String(),
  organisation_id: Id('Organisation'),
  name: Type.String(),
  kind: Type.Unsafe<'organisation' | 'operator'>({
    type: 'string',
    enum: ['organisation', 'operator'],
  }),
  permissions: Type.Array(Type.String()),
  created_at: DateTime('When it was made'),
  expires_at: NullableDateTime('From when on it is refused'),
  revoked_at: NullableDateTime('When it was revoked'),
  last_used_at: NullableDateTime('When it was last used, to about a minute'),
});

export const Secret = {
  key: Type.String(),
  secret: Type.String({ description: 'Shown here only' }),
};
export const keyParams = Type.Object({
  id: Type.Unsafe<KeyId>({ type: 'string', minLength: 1, maxLength: 100 }),
});

export const MachineType = {
  id: Id('Machine type'),
  name: Type.String(),
  cpus: Type.Integer(),
  memory_mb: Type.Integer(),
  disk_size: Type.Integer({ description: 'GB' }),
};

export const Layer = Type.Object({
  id: Type.String(),
  kind: Type.String(),
  state: Type.String(),
  parent_id: NullableString('The layer below'),
  stored_bytes: Count(),
  verified_at: NullableDateTime('When it was last compared with its digest'),
  fault: NullableString('Why it is quarantined'),
});

/** A body of which each field is known: a quota with a wrong name would be lost without a word. */
export const Body = <Fields extends TProperties>(fields: Fields) =>
  Type.Object(fields, { additionalProperties: false });
