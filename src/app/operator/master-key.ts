// The master key, under which the secrets of access keys and kept answers are sealed.

import { readFile } from 'node:fs/promises';
import { AppError } from '../../domain/error.ts';
import type { KeyId } from '../../domain/ids.ts';
import { type AccessKey, isInUse } from '../../domain/key.ts';
import type { OperatorKey } from '../../domain/operator-key.ts';
import { writeWhole } from '../../lib/files.ts';
import { type MasterKey, newMasterKey, parseMasterKey } from '../../lib/master-key.ts';
import type { Reader, Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';

/** A lock that keeps servers away. */
export interface Lock {
  release(): void | Promise<void>;
}

type Sealed = AccessKey | OperatorKey;

/** The keys in use that cannot sign, because this master key does not open their secrets. */
export async function keysSealedOtherwise(work: Reader, masterKey: MasterKey): Promise<KeyId[]> {
  const opens = ({ secretSealed }: Sealed) => {
    try {
      masterKey.open(secretSealed);
      return true;
    } catch {
      return false;
    }
  };
  const all: Sealed[] = [...(await work.keys.list()), ...(await work.operatorKeys.list())];
  return all.filter((key) => isInUse(key, work.now()) && !opens(key)).map(({ id }) => id);
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

/**
 * The text under the first key of the ring. Throws `internal` for a text that no key of it opens.
 */
function resealed(ring: MasterKey, text: string): string {
  let opened: string;
  try {
    opened = ring.open(text);
  } catch (cause) {
    throw new AppError(
      'internal',
      'A secret cannot be opened: the master key is not the one it was sealed under. Bring back the master.key that belongs to this store.',
      { cause },
    );
  }
  return ring.seal(opened);
}

/**
 * Seals every secret under the first key of the ring, and returns the number of access keys.
 * Idempotent. Throws `internal`, with nothing changed, when one cannot be opened.
 */
const resealAll = (store: Store, ring: MasterKey): Promise<number> =>
  store.write('system', async (work) => {
    const keys = await work.keys.list();
    for (const { id, secretSealed } of keys)
      await work.keys.reseal(id, resealed(ring, secretSealed), ring.id);
    const operatorKeys = await work.operatorKeys.list();
    for (const { id, secretSealed } of operatorKeys)
      await work.operatorKeys.reseal(id, resealed(ring, secretSealed), ring.id);
    for (const { keyId, idempotencyKey, answer } of await work.idempotency.list())
      await work.idempotency.reseal(keyId, idempotencyKey, resealed(ring, answer));
    for (const { id, secretSealed, oldSecretSealed: old } of await work.webhooks.list())
      await work.webhooks.update(id, {
        secretSealed: resealed(ring, secretSealed),
        oldSecretSealed: old && resealed(ring, old),
      });
    const installation = await work.installation.find();
    if (installation)
      await work.installation.update({
        masterKeyCheck: resealed(ring, installation.masterKeyCheck),
      });
    return keys.length + operatorKeys.length;
  });

interface Ring {
  /** The ring that is in use. */
  ring: MasterKey;
  /** Where a new key is written; null when the ring comes from the environment. */
  file: string | null;
  /** Throws `unavailable` while a server runs. */
  lock(): Promise<Lock>;
}

/**
 * Seals every secret under a new master key, or under the first of a ring from the environment.
 * Throws `unavailable` while a server runs, and `internal` when a secret cannot be opened.
 */
export const masterKeyRotate = change(
  'masterKeyRotate',
  (_given: Ring) => 'the master key',
  async ({ store, touched }, { ring, file, lock }): Promise<{ id: string; keys: number }> => {
    const held = await lock();
    try {
      const { id, keys } =
        file === null
          ? { id: ring.id, keys: await resealAll(store, ring) }
          : await rotateFile(store, file);
      touched(`the master key ${id}`);
      return { id, keys };
    } finally {
      await held.release();
    }
  },
);

/**
 * Both keys are in the file until everything is sealed under the new one, so that a crash in
 * between costs nothing.
 */
async function rotateFile(store: Store, file: string): Promise<{ id: string; keys: number }> {
  const first = newMasterKey();
  const both = `${first}\n${await readFile(file, 'utf8')}`;
  await writeWhole(file, both, 0o600);
  const ring = parseMasterKey(both);
  const keys = await resealAll(store, ring);
  await writeWhole(file, `${first}\n`, 0o600);
  return { id: ring.id, keys };
}
