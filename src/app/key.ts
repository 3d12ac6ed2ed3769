// Access keys: made, listed and revoked by the operator on the data directory, never over the API. A secret is shown once.

import { randomBytes } from 'node:crypto';
import type { KeyId, OrganisationId } from '../domain/ids.ts';
import type { Permission } from '../domain/permission.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { Store } from '../store/port.ts';

export interface NewKey {
  organisationId: OrganisationId;
  name: string;
  permissions: Permission[];
}

export async function keyCreate(store: Store, masterKey: MasterKey, { organisationId, name, permissions }: NewKey) {
  const id = `ss${randomBytes(12).toString('hex')}` as KeyId;
  const secret = randomBytes(32).toString('base64url');
  await store.write('system', (work) =>
    work.keys.add({
      id,
      organisationId,
      name,
      permissions,
      secretSealed: masterKey.seal(secret),
      masterKeyId: masterKey.id,
    }),
  );
  return { key: id, secret };
}
