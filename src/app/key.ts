// The keys of an organisation, managed by one of them that has the permission `keys:write`. No key
// makes another that may do more than itself or that lasts longer, so a key that is limited stays
// so.

import { AppError, invalid } from '../domain/error.ts';
import type { KeyId } from '../domain/ids.ts';
import { type AccessKey, isInUse, isPermission, permissions } from '../domain/key.ts';
import type { ChangeContext, ReadContext } from './context.ts';
import { type Credentials, newCredentials } from './credentials.ts';

/** Keys of one organisation that are not revoked. */
const keysMax = 1000;

/** The keys, without their secrets. */
export const keyList = async ({ work }: ReadContext): Promise<Omit<AccessKey, 'secretSealed'>[]> =>
  (await work.keys.list()).map(({ secretSealed: _, ...rest }) => rest);

interface NewKey {
  name: string;
  permissions: readonly string[];
  /** Null: with the key that asks. */
  expiresAt: number | null;
}

/** Throws `invalid` for a permission that there is not, and `permission_required`. */
export async function keyCreate(
  context: ChangeContext,
  { name, permissions: wanted, expiresAt: given }: NewKey,
): Promise<Credentials> {
  const own = await ownKey(context);
  const unknown = wanted.find((one) => !isPermission(one));
  if (unknown !== undefined)
    throw invalid(`There is no permission ${unknown}; choose from: ${permissions.join(', ')}.`);
  if (given !== null && given <= context.work.now())
    throw invalid('expires_at is over; give a time to come.');
  const expiresAt = given ?? own.expiresAt;
  const row = { name, permissions: wanted.filter(isPermission), expiresAt };
  assertNoMore(own, row);
  return addKey(context, row);
}

/**
 * Makes a key with the same permissions and the same end, and keeps the old key valid for
 * `overlapMs`; with 0 it ends at once. Throws not-found and `permission_required`.
 */
export async function keyRotate(
  context: ChangeContext,
  id: KeyId,
  overlapMs: number,
): Promise<Credentials & { replacedUntil: number }> {
  const { work, touched } = context;
  const own = await ownKey(context);
  const old = await work.keys.find(id);
  if (!old || !isInUse(old, work.now()))
    throw new AppError('not_found', `There is no key ${id} in use; GET /keys lists them.`);
  assertNoMore(own, old);
  const { name, permissions: held, expiresAt } = old;
  const made = await addKey(context, { name, permissions: held, expiresAt });
  touched({ touchedKeyId: id, isMinor: true });
  const replacedUntil = Math.min(work.now() + overlapMs, expiresAt ?? Number.MAX_SAFE_INTEGER);
  await work.keys.expire(id, replacedUntil);
  return { ...made, replacedUntil };
}

/** Refuses a key from now on. Idempotent. Throws not-found, and `invalid` for the key that asks. */
export async function keyRevoke(
  context: ChangeContext,
  id: KeyId,
  { itself }: { itself: boolean },
): Promise<void> {
  await ownKey(context);
  if (id === context.keyId && !itself)
    throw invalid(
      'This is the key that signs the request, which could sign none any more; to revoke it, say itself: true.',
    );
  await context.work.keys.revoke(id);
  context.touched({ touchedKeyId: id, isMinor: true });
}

type Limits = Pick<AccessKey, 'permissions' | 'expiresAt'>;

/** The key that asks, as it is in this transaction: it may have been revoked meanwhile. */
async function ownKey({ work, keyId }: ChangeContext): Promise<AccessKey> {
  const own = await work.keys.find(keyId);
  if (own && isInUse(own, work.now())) return own;
  throw new AppError('unauthenticated', 'This key was revoked or is over; use another one.');
}

/** Throws `permission_required` when a new key could do more than the key that asks, or longer. */
function assertNoMore(own: Limits, made: Limits): void {
  const more = made.permissions.filter((one) => !own.permissions.includes(one));
  if (more.length > 0)
    throw new AppError(
      'permission_required',
      `This key lacks ${more.join(', ')} itself, so it cannot give that to another; use a key that has it.`,
    );
  const last = own.expiresAt;
  if (last !== null && (made.expiresAt === null || made.expiresAt > last))
    throw new AppError(
      'permission_required',
      `This key ends at ${new Date(last).toISOString()}, and no key that it makes lasts longer; use one that does.`,
    );
}

async function addKey(
  { work, organisationId, masterKey, touched }: ChangeContext,
  row: Limits & { name: string },
): Promise<Credentials> {
  const inUse = (await work.keys.list()).filter(({ revokedAt }) => revokedAt === null);
  if (inUse.length >= keysMax)
    throw invalid(`The organisation has ${keysMax} keys; revoke some that nobody uses first.`);
  const made = newCredentials('ss');
  const { key: id, secret } = made;
  await work.keys.add({
    ...{ id, organisationId, ...row },
    secretSealed: masterKey.seal(secret),
    masterKeyId: masterKey.id,
  });
  touched({ touchedKeyId: id, isMinor: true });
  return made;
}
