// Layers and the build cache, for operators on the wire.

import { Type } from 'typebox';
import type { LayerId } from '../../domain/ids.ts';
import { DateTime, Enum, NullableDateTime, NullableInteger, NullableString } from '../envelope.ts';
import { Board } from '../firmware.ts';
import { Boot } from './boot.ts';
import { errandFields } from './errand.ts';
import { afterQuery, defineOperator, next } from './operation.ts';

const layer = {
  id: Type.String(),
  kind: Enum(['base', 'software', 'capture', 'template'], 'What made it'),
  parent_id: NullableString('The layer below it; null for a base'),
  base_layer_id: Type.String({ description: 'The root of its chain' }),
  boot: Boot,
  organisation_id: NullableInteger('Whose capture or import it is; null: all share it'),
  key: NullableString('The key under which builds find it'),
  lost_key: NullableString('The key that it had before it was quarantined'),
  state: Enum(['building', 'sealed', 'quarantined', 'deleting'], 'Whether it can be used'),
  virtual_bytes: Type.Integer({ description: 'What a machine sees' }),
  stored_bytes: Type.Integer({ description: 'What it takes on the disk of the host' }),
  job_id: NullableInteger('The job that makes or rewrites it'),
  created_at: DateTime('When it was begun'),
  used_at: NullableDateTime('When a build last used it'),
  deleting_at: NullableDateTime('Since when it is being removed'),
  digest: NullableString('Of its bytes; null until it is known'),
  verified_at: NullableDateTime('When its bytes were last compared with the digest'),
  fault: NullableString('Why it is quarantined'),
};

const Step = Type.Object({
  ...layer,
  in_use: Type.Boolean({ description: 'Whether something stands on it' }),
});

const Orphan = Type.Object({
  kind: Enum(['layer', 'disk', 'template'], 'What it would be'),
  id: Type.String(),
  bytes: Type.Integer(),
  seen_at: DateTime('When it was first seen'),
});

export const layerOperations = {
  layerList: defineOperator({
    method: 'GET',
    path: '/operator/layers',
    summary: 'List the layers by their ids, and what the engine has and the store does not know',
    query: Type.Object(afterQuery),
    response: {
      layers: Type.Array(Type.Object(layer)),
      orphans: Type.Array(Orphan, { description: 'With the first page alone' }),
      next,
    },
    errors: [],
  }),
  layerBoard: defineOperator({
    method: 'POST',
    path: '/operator/layers/{id}/board',
    summary: 'Give the chains of a root another board, from the next start of each guest on',
    params: Type.Object({
      id: Type.Unsafe<LayerId>({
        type: 'string',
        pattern: '^[\\w-]{1,64}$',
        description: 'ID of the layer',
      }),
    }),
    body: Type.Object({ board: Type.Optional(Board) }),
    response: { id: Type.String(), boot: Boot },
    errors: ['not_found'],
  }),
  layerVerify: defineOperator({
    method: 'POST',
    path: '/operator/layers/verify',
    summary: 'Begin to compare the bytes of layers with their digests',
    body: Type.Object({
      ids: Type.Optional(
        Type.Array(Type.String({ pattern: '^[\\w-]{1,64}$' }), {
          maxItems: 10_000,
          description: 'Default: all layers',
        }),
      ),
    }),
    response: errandFields,
    errors: [],
  }),
  cacheList: defineOperator({
    method: 'GET',
    path: '/operator/cache',
    summary: 'List the steps of the build cache, the one used longest ago first',
    response: { steps: Type.Array(Step) },
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
