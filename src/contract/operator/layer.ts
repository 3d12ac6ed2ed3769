// Layers and the build cache, for operators on the wire.

import { type TProperties, Type } from 'typebox';
import { DateTime, Enum, NullableDateTime, NullableString } from '../envelope.ts';
import { defineOperator } from './operation.ts';

const Layer = (others: TProperties) =>
  Type.Object({
    id: Type.String(),
    kind: Enum(['base', 'software', 'capture'], 'What made it'),
    parent_id: NullableString('The layer below it; null for a base'),
    state: Enum(['building', 'sealed', 'quarantined', 'deleting'], 'Whether it can be used'),
    virtual_bytes: Type.Integer({ description: 'What a machine sees' }),
    stored_bytes: Type.Integer({ description: 'What it takes on the disk of the host' }),
    used_at: NullableDateTime('When a build last used it'),
    ...others,
  });

const verified = {
  digest: NullableString('Of its bytes; null until it is known'),
  verified_at: NullableDateTime('When its bytes were last compared with the digest'),
  fault: NullableString('Why it is quarantined'),
};

const Orphan = Type.Object({
  kind: Enum(['layer', 'disk'], 'What it would be'),
  id: Type.String(),
  bytes: Type.Integer(),
  seen_at: DateTime('When it was first seen'),
});

export const layerOperations = {
  layerList: defineOperator({
    method: 'GET',
    path: '/operator/layers',
    summary: 'List the layers, and what the engine has and the store does not know',
    response: { layers: Type.Array(Layer(verified)), orphans: Type.Array(Orphan) },
    errors: [],
  }),
  cacheList: defineOperator({
    method: 'GET',
    path: '/operator/cache',
    summary: 'List the steps of the build cache, the one used longest ago first',
    response: {
      steps: Type.Array(
        Layer({ in_use: Type.Boolean({ description: 'Whether something stands on it' }) }),
      ),
    },
    errors: [],
  }),
  cachePrune: defineOperator({
    method: 'POST',
    path: '/operator/cache/prune',
    summary: 'Take steps that nothing stands on out of the build cache',
    body: Type.Object({
      keep_bytes: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: Number.MAX_SAFE_INTEGER,
          description: 'So many bytes of steps may stay, those used last. Default: 0',
        }),
      ),
    }),
    response: {
      steps: Type.Array(Type.String(), { description: 'The layers that leave it' }),
      bytes: Type.Integer({ description: 'What is freed by that' }),
    },
    errors: [],
  }),
} as const;
