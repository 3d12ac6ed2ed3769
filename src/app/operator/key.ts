// Access keys: made, rotated and revoked by the operator on the data directory, never over the API.
// A secret is shown once.

import { randomBytes } from 'node:crypto';
import { AppError, invalid } from '../../domain/error.ts';
import type { KeyId, OrganisationId } from '../../domain/ids.ts';
import type { AccessKey } from '../../domain/key.ts';
import { isPermission, type Permission, permissions } from '../../domain/key.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import type { Store, Writer } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';
import { assertMasterKey, keysSealedOtherwise, type Lock } from './master-key.ts';

interface NewKey {
  /** The name of an organisation, which is made when there is none of that name; or its id. */
  organisation: string | OrganisationId;
  name: string;
  permissions: readonly string[];
  /** From when on it is refused, ms since 1970; null: never. */
  expiresAt?: number | null;
}

export interface Credentials {
  key: KeyId;
  secret: string;
}

type Row = Pick<AccessKey, 'organisationId' | 'name' | 'permissions' | 'expiresAt'>;

const credentials = (): Credentials => ({
  key: `ss${randomBytes(12).toString('hex')}` as KeyId,
  secret: randomBytes(32).toString('base64url'),
});

const add = (work: Writer, masterKey: MasterKey, { key, secret }: Credentials, row: Row) =>
  work.keys.add({
    id: key,
    ...row,
    secretSealed: masterKey.seal(secret),
    masterKeyId: masterKey.id,
  });

/** The keys, without their secrets. */
export const keyList = (store: Store): Promise<Omit<AccessKey, 'secretSealed'>[]> =>
  store.read('system', async (work) =>
    (await work.keys.list()).map(({ secretSealed: _, ...rest }) => rest),
  );

function permissionsOf(wanted: readonly string[]): Permission[] {
  const unknown = wanted.find((name) => !isPermission(name));
  if (unknown !== undefined)
    throw invalid(`There is no permission ${unknown}; choose from: ${permissions.join(', ')}.`);
  return wanted.filter(isPermission);
}

/**
 * Throws `invalid` for a permission that there is not, and `unavailable` under a master key that is
 * not that of the store.
 */
export const keyCreate = change(
  'keyCreate',
  (_masterKey: MasterKey, { organisation, name }: NewKey) =>
    `a key ${JSON.stringify(name)} of organisation ${organisation}`,
  async ({ store, touched }, masterKey, { organisation, name, permissions, expiresAt = null }) => {
    const allowed = permissionsOf(permissions);
    const made = credentials();
    await store.write('system', async (work) => {
      await assertMasterKey(work, masterKey);
      const organisationId =
        typeof organisation === 'string'
          ? await work.organisations.ensure(organisation)
          : organisation;
      const row = { organisationId, name, permissions: allowed, expiresAt };
      await add(work, masterKey, made, row);
    });
    touched(`key ${made.key} (${name}) of organisation ${organisation}`);
    return made;
  },
);

/**
 * Makes a key with the same permissions, and keeps the old key valid for `overlapMs`; a key that is
 * sealed under another master key ends at once. `tryLock` returns null while a server runs: the
 * server has the right master key, and could not open a secret sealed under another. Throws
 * not-found, and `unavailable` in that case.
 */
export const keyRotate = change(
  'keyRotate',
  (_masterKey: MasterKey, id: KeyId, _overlapMs: number, _tryLock: () => Promise<Lock | null>) =>
    `key ${id}`,
  async ({ store, touched }, masterKey, id, overlapMs, tryLock) => {
    const lock = await tryLock();
    try {
      const made = credentials();
      const until = await store.write('system', async (work) => {
        if (lock === null) await assertMasterKey(work, masterKey);
        return replace(work, masterKey, id, made, overlapMs);
      });
      touched(`key ${id}, replaced by ${made.key}`);
      return { ...made, replaces: id, replacedUntil: until };
    } finally {
      await lock?.release();
    }
  },
);

/** Adds the new key, ends the old one, and returns the time of that end. Throws not-found. */
async function replace(
  work: Writer,
  masterKey: MasterKey,
  id: KeyId,
  made: Credentials,
  overlapMs: number,
): Promise<number> {
  const old = await work.keys.find(id);
  if (!old || old.revokedAt !== null)
    throw new AppError('not_found', `There is no key ${id} in use; see: silversmith key list`);
  const { organisationId, name, permissions, expiresAt } = old;
  await add(work, masterKey, made, { organisationId, name, permissions, expiresAt });
  const lost = (await keysSealedOtherwise(work, masterKey)).includes(id);
  const until = Math.min(work.now() + (lost ? 0 : overlapMs), expiresAt ?? Number.MAX_SAFE_INTEGER);
  await work.keys.expire(id, until);
  return until;
}

/** Refuses a key from now on. Idempotent. Throws not-found. */
export const keyRevoke = change(
  'keyRevoke',
  (id: KeyId) => `key ${id}`,
  ({ store }, id) => store.write('system', (work) => work.keys.revoke(id)),
);
