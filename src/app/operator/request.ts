// Requests of operators. A change first uses its signature up and keeps its Idempotency-Key, in one
// transaction that also asks whether the key is still in use. Then the function of the operator
// writes its audit entry and works, which may be many transactions. At last the answer is kept.
//
// A server that dies in between leaves an entry that stays `begun`, and an Idempotency-Key without
// an answer. The same request is then refused, because nobody knows how far the work came.

import type { Blobs } from '../../blobs/port.ts';
import { AppError } from '../../domain/error.ts';
import type { KeyId } from '../../domain/ids.ts';
import { isInUse } from '../../domain/key.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { Clock } from '../../lib/clock.ts';
import type { MasterKey } from '../../lib/master-key.ts';
import type { Turns } from '../../lib/turns.ts';
import type { Store, Writer } from '../../store/port/unit-of-work.ts';
import type { OperatorCaller, SignedOperator } from '../caller.ts';
import { type Command, type Done, idempotencyMs, openKept, replayed } from '../command.ts';
import type { Operator } from './context.ts';
import type { Errands } from './errand.ts';

export interface OperatorDependencies {
  store: Store;
  masterKey: MasterKey;
  clock: Clock;
  blobs: Blobs;
  errands: Errands;
  /** Puts requests for one upload behind each other. */
  turns: Turns;
  /** Throws `unavailable` when another server works the engine. */
  engine(): Engine;
}

/** The context of an operator's function that is called by a request. */
export interface OperatorRequest extends OperatorDependencies {
  operator: Operator;
  /** The key that signed the request. */
  keyId: KeyId;
}

type OperatorCommand = Omit<Command, 'caller'> & { caller: SignedOperator };

export const operatorRequest = (
  dependencies: OperatorDependencies,
  { keyId }: OperatorCaller,
  requestId: string,
): OperatorRequest => ({
  ...dependencies,
  keyId,
  operator: { store: dependencies.store, name: `key:${keyId}`, requestId },
});

const begunMark = 'null';

/**
 * Runs a change, or returns the answer that was given before. Throws `unauthenticated` for a used
 * signature and a revoked key, `conflict` for an Idempotency-Key that belongs to another request or
 * to one that has not ended, and every error of `effect`.
 */
export async function runOperatorCommand(
  dependencies: OperatorDependencies,
  command: OperatorCommand,
  effect: (request: OperatorRequest) => Promise<object>,
): Promise<Done> {
  const { store, masterKey } = dependencies;
  const { caller, requestId, idempotencyKey } = command;
  const before = await store.write('system', (work) => begin(work, masterKey, command));
  if (before !== null) return before;
  const request = operatorRequest(dependencies, caller, requestId);
  if (idempotencyKey === undefined) return { answer: await effect(request), again: false };
  try {
    const answer = await effect(request);
    const sealed = masterKey.seal(JSON.stringify(answer));
    await store.write('system', ({ idempotency }) =>
      idempotency.reseal(caller.keyId, idempotencyKey, sealed),
    );
    return { answer, again: false };
  } catch (error) {
    await store
      .write('system', ({ idempotency }) => idempotency.forget(caller.keyId, idempotencyKey))
      // The operator has to see the error, even where the store cannot be written.
      .catch(() => {});
    throw error;
  }
}

/** Returns the answer of an earlier request; null when the change is to be made. */
async function begin(
  work: Writer,
  masterKey: MasterKey,
  { caller, requestDigest, idempotencyKey }: OperatorCommand,
): Promise<Done | null> {
  const { keyId, signature, signatureExpiresAt } = caller;
  if (!(await work.signatures.use(keyId, signature, signatureExpiresAt))) throw replayed();
  const key = await work.operatorKeys.find(keyId);
  if (!key || !isInUse(key, work.now()))
    throw new AppError('unauthenticated', 'This key was revoked; use another one.');
  if (idempotencyKey === undefined) return null;
  const before = await work.idempotency.find(keyId, idempotencyKey);
  const answer = before && openKept(masterKey, before, requestDigest);
  if (answer) return { answer, again: true };
  if (before)
    throw new AppError(
      'conflict',
      'The change under this Idempotency-Key was begun and has not ended. Wait for its end; when the server was killed, look how far it came (silversmith audit list) and make a new key.',
    );
  const expiresAt = work.now() + idempotencyMs;
  const mark = masterKey.seal(begunMark);
  await work.idempotency.keep(keyId, idempotencyKey, requestDigest, mark, expiresAt);
  return null;
}
