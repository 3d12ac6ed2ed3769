// Access keys and keys of operators: made, listed, rotated and revoked by the operator. A secret is
// shown once. A key of an operator is made on the host alone; a request cannot make or rotate one.

import { AppError, invalid } from '../../domain/error.ts';
import type { KeyId, OrganisationId } from '../../domain/ids.ts';
import type { AccessKey } from '../../domain/key.ts';
import { isInUse, isPermission, type Permission, permissions } from '../../domain/key.ts';
import {
  isOperatorKeyId,
  isOperatorPermission,
  type OperatorKey,
  type OperatorPermission,
  operatorKeyPrefix,
  operatorPermissions,
} from '../../domain/operator-key.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import type { Store, Writer } from '../../store/port/unit-of-work.ts';
import { type Credentials, newCredentials } from '../credentials.ts';
import { change } from './context.ts';
import { assertMasterKey, keysSealedOtherwise, type Lock } from './master-key.ts';

export interface NewKey {
  /**
   * The name of an organisation, which is made when there is none of that name; or its id. Null:
   * the key is an operator's.
   */
  organisation: string | OrganisationId | null;
  name: string;
  permissions: readonly string[];
  /** From when on it is refused, ms since 1970; null: never. */
  expiresAt?: number | null;
  /** Refuse it where a key of that name and organisation is in use. */
  isOnly?: boolean;
}

/** A key without its secret; `organisationId` is null for a key of an operator. */
type ListedKey = Omit<AccessKey, 'secretSealed' | 'organisationId' | 'permissions'> & {
  organisationId: OrganisationId | null;
  permissions: (Permission | OperatorPermission)[];
};

const shownKey = ({ secretSealed: _, ...rest }: AccessKey) => rest;
const shownOperatorKey = ({ secretSealed: _, ...rest }: OperatorKey) => ({
  ...rest,
  organisationId: null,
});

/** The keys, without their secrets. */
export const keyList = (store: Store): Promise<ListedKey[]> =>
  store.read('system', async (work) => [
    ...(await work.operatorKeys.list()).map(shownOperatorKey),
    ...(await work.keys.list()).map(shownKey),
  ]);

/** A page of the same, in order of id, which puts those of operators first. */
export const keyPage = (store: Store, after: string | null, limit: number): Promise<ListedKey[]> =>
  store.read('system', async (work) => {
    const isPast = after !== null && !isOperatorKeyId(after);
    const first = isPast ? [] : await work.operatorKeys.page(after, limit);
    const left = limit - first.length;
    const rest = left === 0 ? [] : await work.keys.page(isPast ? after : null, left);
    return [...first.map(shownOperatorKey), ...rest.map(shownKey)];
  });

/** Throws `invalid` for a permission that there is not. */
function known<Known extends string>(
  wanted: readonly string[],
  isKnown: (name: string) => name is Known,
  all: readonly Known[],
): Known[] {
  const unknown = wanted.find((name) => !isKnown(name));
  if (unknown !== undefined)
    throw invalid(`There is no permission ${unknown}; choose from: ${all.join(', ')}.`);
  return wanted.filter(isKnown);
}

const ownerOf = (organisation: NewKey['organisation']) =>
  organisation === null ? 'operators' : `organisation ${organisation}`;

const sealed = (masterKey: MasterKey, secret: string) => ({
  secretSealed: masterKey.seal(secret),
  masterKeyId: masterKey.id,
});

/** Adds the row of a new key to those of its kind. Throws `invalid`. */
async function addKey(
  work: Writer,
  masterKey: MasterKey,
  { key: id, secret }: Credentials,
  { organisation, permissions: wanted, name, expiresAt = null, isOnly = false }: NewKey,
): Promise<void> {
  const row = { id, name, expiresAt, ...sealed(masterKey, secret) };
  if (organisation === null) {
    const allowed = known(wanted, isOperatorPermission, operatorPermissions);
    return work.operatorKeys.add({ ...row, permissions: allowed });
  }
  const allowed = known(wanted, isPermission, permissions);
  const organisationId =
    typeof organisation === 'string' ? await work.organisations.ensure(organisation) : organisation;
  const isTaken = (one: AccessKey) =>
    one.organisationId === organisationId && one.name === name && isInUse(one, work.now());
  if (isOnly && (await work.keys.list()).some(isTaken))
    throw new AppError('conflict', `There is a key ${JSON.stringify(name)} already.`);
  return work.keys.add({ ...row, organisationId, permissions: allowed });
}

/**
 * Throws `invalid` for a permission that there is not, and `unavailable` under a master key that is
 * not that of the store.
 */
export const keyCreate = change(
  'keyCreate',
  (_masterKey: MasterKey, { organisation, name }: NewKey) =>
    `a key ${JSON.stringify(name)} of ${ownerOf(organisation)}`,
  async ({ store, touched, isRemote }, masterKey, given) => {
    const isOperators = given.organisation === null;
    if (isOperators && isRemote) throw onlyHere('made');
    const made = newCredentials(isOperators ? operatorKeyPrefix : 'ss');
    await store.write('system', async (work) => {
      await assertMasterKey(work, masterKey);
      await addKey(work, masterKey, made, given);
    });
    touched(`key ${made.key} (${given.name}) of ${ownerOf(given.organisation)}`);
    return made;
  },
);

const onlyHere = (done: string) =>
  invalid(
    `A key of an operator is ${done} on the server's own host alone; type the command there, with --data-dir in place of --url and --key.`,
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
  async ({ store, touched, isRemote }, masterKey, id, overlapMs, tryLock) => {
    if (isOperatorKeyId(id) && isRemote) throw onlyHere('rotated');
    const lock = await tryLock();
    try {
      const made = newCredentials(isOperatorKeyId(id) ? operatorKeyPrefix : 'ss');
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

/** The keys of the kind that an id is of. */
const keysLike = (work: Writer, id: KeyId) => (isOperatorKeyId(id) ? work.operatorKeys : work.keys);

/** Adds the new key, ends the old one, and returns the time of that end. Throws not-found. */
async function replace(
  work: Writer,
  masterKey: MasterKey,
  id: KeyId,
  made: Credentials,
  overlapMs: number,
): Promise<number> {
  const old = await keysLike(work, id).find(id);
  if (!old || old.revokedAt !== null)
    throw new AppError('not_found', `There is no key ${id} in use; see: silversmith key list`);
  const { name, permissions: held, expiresAt } = old;
  const organisation = 'organisationId' in old ? old.organisationId : null;
  await addKey(work, masterKey, made, { organisation, name, permissions: held, expiresAt });
  const lost = (await keysSealedOtherwise(work, masterKey)).includes(id);
  const until = Math.min(work.now() + (lost ? 0 : overlapMs), expiresAt ?? Number.MAX_SAFE_INTEGER);
  await keysLike(work, id).expire(id, until);
  return until;
}

/**
 * Refuses a key from now on. Idempotent. `itself` says that the key that signs the request may be
 * revoked by it. Throws not-found, and `invalid`.
 */
export const keyRevoke = change(
  'keyRevoke',
  (id: KeyId, _options?: { by?: KeyId; itself?: boolean }) => `key ${id}`,
  ({ store }, id, { by, itself = false } = {}) => {
    if (id === by && !itself) throw revokesItself();
    return store.write('system', (work) => keysLike(work, id).revoke(id));
  },
);

const revokesItself = () =>
  invalid(
    'This is the key that signs the request, which could sign none any more; to revoke it, say itself: true.',
  );
