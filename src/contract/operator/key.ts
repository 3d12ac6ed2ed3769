// Access keys of all organisations, for operators on the wire. A key of operators is listed and
// revoked here; it is made and rotated on the host alone.

import { Type } from 'typebox';
import { DateTime, NullableDateTime, NullableInteger, Text } from '../envelope.ts';
import { credentials, keyIdParams, keyPermissions } from '../key.ts';
import { nothing } from '../operation.ts';
import { afterQuery, defineOperator, next } from './operation.ts';

const Key = Type.Object({
  id: Type.String(),
  organisation_id: NullableInteger('Null for a key of operators'),
  name: Type.String(),
  master_key_id: Type.String(),
  permissions: Type.Array(Type.String()),
  created_at: DateTime('When it was made'),
  revoked_at: NullableDateTime('From when on it is refused'),
  expires_at: NullableDateTime('From when on it is refused; null: never'),
  last_used_at: NullableDateTime('When it was last used, to about a minute'),
});

export const keyOperations = {
  keyList: defineOperator({
    method: 'GET',
    path: '/operator/keys',
    summary: 'List the keys of operators and of all organisations by their ids, without secrets',
    query: Type.Object(afterQuery),
    response: { keys: Type.Array(Key), next },
    errors: [],
  }),
  keyCreate: defineOperator({
    method: 'POST',
    path: '/operator/keys',
    summary: 'Make a key of an organisation; its secret is shown once',
    body: Type.Object({
      organisation: Text(100, 'Name of the organisation; made when there is none of that name'),
      name: Text(100, 'What the key is for'),
      permissions: keyPermissions,
      only: Type.Optional(
        Type.Boolean({ description: 'Refuse it where a key of that name is in use there' }),
      ),
      expires_at: Type.Optional(DateTime('From when on it is refused. Default: never')),
    }),
    response: credentials,
    errors: [],
  }),
  keyRotate: defineOperator({
    method: 'POST',
    path: '/operator/keys/{id}/rotate',
    summary: 'Make a key in place of another, which goes on for a while',
    params: keyIdParams,
    body: Type.Object({
      overlap_seconds: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 36_500 * 86_400,
          description: 'For how long the old key still works. Default: 86400',
        }),
      ),
    }),
    response: {
      ...credentials,
      replaces: Type.String({ description: 'The old key' }),
      replaced_until: DateTime('Until when the old key works'),
    },
    errors: ['not_found'],
  }),
  keyRevoke: defineOperator({
    method: 'POST',
    path: '/operator/keys/{id}/revoke',
    summary: 'Revoke a key at once',
    params: keyIdParams,
    body: Type.Object({
      itself: Type.Optional(
        Type.Boolean({ description: 'Whether it may be the key that signs this request' }),
      ),
    }),
    response: nothing,
    errors: ['not_found'],
  }),
} as const;
