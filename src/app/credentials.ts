// The credentials of a new key: its id and its secret, which is shown once.

import { randomBytes } from 'node:crypto';
import type { KeyId } from '../domain/ids.ts';

export interface Credentials {
  key: KeyId;
  secret: string;
}

/** `prefix` tells the kind of the key. */
export const newCredentials = (prefix: string): Credentials => ({
  key: `${prefix}${randomBytes(12).toString('hex')}` as KeyId,
  secret: randomBytes(32).toString('base64url'),
});
