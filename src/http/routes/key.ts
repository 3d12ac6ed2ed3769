// The keys of an organisation between the wire and the application.

import { keyCreate, keyList, keyRevoke, keyRotate } from '../../app/key.ts';
import { dateOrNull, dateTime, type Handlers, timeIn } from '../handler.ts';

const dayS = 86_400;

export const keyHandlers: Handlers<'keyList' | 'keyCreate' | 'keyRotate' | 'keyRevoke'> = {
  keyList: async (context) => ({
    keys: (await keyList(context)).map(({ id, name, permissions, ...times }) => ({
      ...{ id, name, permissions },
      created_at: dateTime(times.createdAt),
      revoked_at: dateOrNull(times.revokedAt),
      expires_at: dateOrNull(times.expiresAt),
      last_used_at: dateOrNull(times.lastUsedAt),
    })),
  }),
  keyCreate: (context, { body }) =>
    keyCreate(context, {
      name: body.name,
      permissions: body.permissions,
      expiresAt: timeIn('expires_at', body.expires_at),
    }),
  async keyRotate(context, { params, body: { overlap_seconds: overlapS = dayS } }) {
    const { replacedUntil, ...made } = await keyRotate(context, params.id, overlapS * 1000);
    return { ...made, replaces: params.id, replaced_until: dateTime(replacedUntil) };
  },
  async keyRevoke(context, { params, body: { itself = false } }) {
    await keyRevoke(context, params.id, { itself });
    return {};
  },
};
