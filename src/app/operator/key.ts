// Access keys: made, rotated and revoked by the operator on the data directory, never over the API.
// A secret is shown once.

import { randomBytes } from 'node:crypto';
import { AppError } from '../../domain/error.ts';
import type { KeyId, OrganisationId } from '../../domain/ids.ts';
import type { AccessKey, Permission } from '../../domain/key.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import type { Reader, Store, Writer } from '../../store/port/unit-of-work.ts';

export interface NewKey {
  organisationId: OrganisationId;
  name: string;
  permissions: Permission[];
  /** From when on it is refused, ms since 1970; null: never. */
  expiresAt?: number | null;
}

export interface Credentials {
  key: KeyId;
  secret: string;
}

async function add(
  work: Writer,
  masterKey: MasterKey,
  { expiresAt = null, ...rest }: NewKey,
): Promise<Credentials> {
  const key = `ss${randomBytes(12).toString('hex')}` as KeyId;
  const secret = randomBytes(32).toString('base64url');
  await work.keys.add({
    id: key,
    ...rest,
    secretSealed: masterKey.seal(secret),
    masterKeyId: masterKey.id,
    expiresAt,
  });
  return { key, secret };
}

/** The keys in use whose secrets this master key does not open: nobody can sign with them. */
export async function keysSealedOtherwise(work: Reader, masterKey: MasterKey): Promise<KeyId[]> {
  const opens = ({ secretSealed }: AccessKey) => {
    try {
      masterKey.open(secretSealed);
      return true;
    } catch {
      return false;
    }
  };
  const inUse = ({ revokedAt, expiresAt }: AccessKey) =>
    revokedAt === null && (expiresAt === null || expiresAt > work.now());
  return (await work.keys.list()).filter((key) => inUse(key) && !opens(key)).map(({ id }) => id);
}

/**
 * Throws `unavailable` when a key in use is sealed under another master key: nothing more is to be
 * sealed under this one.
 */
export async function assertMasterKey(work: Reader, masterKey: MasterKey): Promise<void> {
  const sealed = await keysSealedOtherwise(work, masterKey);
  if (sealed.length === 0) return;
  throw new AppError(
    'unavailable',
    `The master key is another one than that of this store: it does not open ${sealed.length} of the access keys, such as ${sealed[0]}. Bring the right one back (master.key in the data directory, or SILVERSMITH_MASTER_KEY). When it is lost for good, replace each of these keys, with the server stopped: silversmith key rotate ${sealed[0]}`,
  );
}

export const keyCreate = (store: Store, masterKey: MasterKey, key: NewKey): Promise<Credentials> =>
  store.write('system', async (work) => {
    await assertMasterKey(work, masterKey);
    return add(work, masterKey, key);
  });

/**
 * Makes a key with the same permissions, and lets the old one go on for `overlapMs`; one that is
 * sealed under another master key ends at once. Throws not-found.
 */
export const keyRotate = (store: Store, masterKey: MasterKey, id: KeyId, overlapMs: number) =>
  store.write('system', async (work) => {
    const old = await work.keys.find(id);
    if (!old || old.revokedAt !== null)
      throw new AppError('not_found', `There is no key ${id} in use; see: silversmith key list`);
    const { organisationId, name, permissions, expiresAt } = old;
    const made = await add(work, masterKey, { organisationId, name, permissions, expiresAt });
    const lost = (await keysSealedOtherwise(work, masterKey)).includes(id);
    const until = Math.min(
      work.now() + (lost ? 0 : overlapMs),
      expiresAt ?? Number.MAX_SAFE_INTEGER,
    );
    await work.keys.expire(id, until);
    return { ...made, replaces: id, replacedUntil: until };
  });

/**
 * Seals everything that is sealed under the first key of the ring. Idempotent; the number of
 * secrets is returned.
 */
export const resealAll = (store: Store, masterKey: MasterKey): Promise<number> =>
  store.write('system', async (work) => {
    const keys = await work.keys.list();
    for (const { id, secretSealed } of keys)
      await work.keys.reseal(id, masterKey.seal(masterKey.open(secretSealed)), masterKey.id);
    for (const { keyId, idempotencyKey, answer } of await work.idempotency.list())
      await work.idempotency.reseal(keyId, idempotencyKey, masterKey.seal(masterKey.open(answer)));
    return keys.length;
  });
