// The operator's API: what the operator's commands do, asked for by a key of the kind `operator`.
// Such a key is made by the command line on the host alone, so the API makes and renews none.

import { AppError, invalid } from '../../domain/error.ts';
import type { KeyId } from '../../domain/ids.ts';
import { isOperatorPermission } from '../../domain/key.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { Clock } from '../../lib/clock.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import type { SignedCaller } from '../caller.ts';
import { replayed } from '../command.ts';
import type { Operator } from './context.ts';
import { isOperatorKey, keyCreate, keyRotate } from './key.ts';

export interface OperatorApi {
  store: Store;
  masterKey: MasterKey;
  clock: Clock;
  /** Throws `unavailable` while another server works the engine. */
  engine(): Engine;
}

/**
 * The operator of a change, for the trail. The signature is used up in the store first, where it
 * survives a power cut; throws `unauthenticated` when it was used before.
 */
export async function operatorOf({ store }: OperatorApi, caller: SignedCaller): Promise<Operator> {
  const { keyId, signature, signatureExpiresAt } = caller;
  const isNew = await store.write('system', (work) =>
    work.signatures.use(keyId, signature, signatureExpiresAt),
  );
  if (!isNew) throw replayed();
  return { store, name: `key:${keyId}` };
}

const onHostOnly = () =>
  invalid(
    'Keys of operators are made on the host of the server alone: silversmith key create --operator',
  );

/** Throws like `keyCreate`, and `invalid` for a permission of operators. */
export async function organisationKeyCreate(
  { masterKey }: OperatorApi,
  operator: Operator,
  key: Parameters<typeof keyCreate>[2],
) {
  if (key.permissions.some(isOperatorPermission)) throw onHostOnly();
  return keyCreate(operator, masterKey, key);
}

/** Throws like `keyRotate`, and `invalid` for the key of an operator. */
export async function organisationKeyRotate(
  { store, masterKey }: OperatorApi,
  operator: Operator,
  id: KeyId,
  overlapMs: number,
) {
  const key = await store.read('system', (work) => work.keys.find(id));
  if (key === undefined) throw new AppError('not_found', `There is no key ${id}.`);
  if (isOperatorKey(key)) throw onHostOnly();
  // This server runs, so its master key is the right one, and nobody can have the lock.
  return keyRotate(operator, masterKey, id, overlapMs, async () => null);
}
