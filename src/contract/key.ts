// The keys of an organisation on the wire, for a key that may manage them. This noun is our own
// addition.

import { Type } from 'typebox';
import type { KeyId } from '../domain/ids.ts';
import { DateTime, NullableDateTime, Text } from './envelope.ts';
import { define, nothing } from './operation.ts';

export const keyIdParams = Type.Object({
  id: Type.Unsafe<KeyId>({
    type: 'string',
    minLength: 1,
    maxLength: 64,
    pattern: '^[\\w-]+$',
    description: 'ID of the key',
  }),
});

export const keyPermissions = Type.Array(Type.String({ maxLength: 60 }), {
  maxItems: 50,
  description: 'Its permissions, such as images:read',
});

export const credentials = {
  key: Type.String({ description: 'ID of the new key' }),
  secret: Type.String({ description: 'Shown here only' }),
};

const Key = Type.Object({
  id: Type.String(),
  name: Type.String(),
  permissions: Type.Array(Type.String()),
  created_at: DateTime('When it was made'),
  revoked_at: NullableDateTime('From when on it is refused'),
  expires_at: NullableDateTime('From when on it is refused; null: never'),
  last_used_at: NullableDateTime('When it was last used, to about a minute'),
});

export const keyOperations = {
  keyList: define({
    method: 'GET',
    path: '/keys',
    tag: 'Keys',
    summary: 'List the keys of the organisation, without their secrets',
    permission: 'keys:write',
    response: { keys: Type.Array(Key) },
    errors: [],
    extension: true,
  }),
  keyCreate: define({
    method: 'POST',
    path: '/keys',
    tag: 'Keys',
    summary:
      'Make a key with no more permissions and no later end than the key that asks; its secret is shown once',
    permission: 'keys:write',
    action: 'key_created',
    body: Type.Object({
      name: Text(100, 'What the key is for'),
      permissions: keyPermissions,
      expires_at: Type.Optional(
        DateTime('From when on it is refused. Default: with the key that asks'),
      ),
    }),
    response: credentials,
    errors: ['permission_required'],
    extension: true,
  }),
  keyRotate: define({
    method: 'POST',
    path: '/keys/{id}/rotate',
    tag: 'Keys',
    summary: 'Make a key in place of another, which goes on for a while',
    permission: 'keys:write',
    action: 'key_rotated',
    params: keyIdParams,
    body: Type.Object({
      overlap_seconds: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 90 * 86_400,
          description: 'For how long the old key still works. Default: 86400',
        }),
      ),
    }),
    response: {
      ...credentials,
      replaces: Type.String({ description: 'The old key' }),
      replaced_until: DateTime('Until when the old key works'),
    },
    errors: ['not_found', 'permission_required'],
    extension: true,
  }),
  keyRevoke: define({
    method: 'POST',
    path: '/keys/{id}/revoke',
    tag: 'Keys',
    summary: 'Revoke a key of the organisation at once',
    permission: 'keys:write',
    action: 'key_revoked',
    params: keyIdParams,
    body: Type.Object({
      itself: Type.Optional(
        Type.Boolean({ description: 'Whether it may be the key that signs this request' }),
      ),
    }),
    response: nothing,
    errors: ['not_found'],
    extension: true,
  }),
} as const;
