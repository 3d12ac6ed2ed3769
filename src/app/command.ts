// A request that changes something: one transaction with its signature, its effect, the record of
// the things it touched, and its answer, which is repeated when the Idempotency-Key comes again. A
// refusal changes nothing and is recorded in a transaction of its own.

import type { Touched } from '../domain/audit.ts';
import { AppError } from '../domain/error.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { KeptAnswer } from '../store/port/idempotency.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import type { Caller, SignedCaller } from './caller.ts';
import type { ChangeContext, OrganisationWriter } from './context.ts';
import { recordTouched, TouchedList } from './touched.ts';

/** For how long an answer is kept. */
export const idempotencyMs = 24 * 3600_000;

export interface Command {
  /** The name of the operation. */
  name: string;
  caller: SignedCaller;
  requestId: string;
  /** The span of the request, when it is traced. */
  traceparent?: string | undefined;
  /** Equal for two requests that ask for the same: of method, path and body. */
  requestDigest: string;
  idempotencyKey: string | undefined;
}

export interface Done {
  answer: object;
  /** Whether this is the answer of an earlier request with the same Idempotency-Key. */
  again: boolean;
}

type Effect = (work: OrganisationWriter, touched: ChangeContext['touched']) => Promise<object>;

export const replayed = () =>
  new AppError(
    'unauthenticated',
    'This signature was used before; sign every request anew, with a new nonce.',
  );

/**
 * Runs `effect`, whose result is the answer, or returns the answer that was given before. The store
 * may run `effect` again, so it has no effects outside the transaction. Throws `unauthenticated`
 * for a used signature, `conflict` for an Idempotency-Key that belongs to another request, and
 * every error of `effect`; then nothing is changed.
 */
export function runCommand(
  { store, masterKey }: { store: Store; masterKey: MasterKey },
  { name, caller, requestId, requestDigest, idempotencyKey }: Command,
  effect: Effect,
): Promise<Done> {
  const { organisationId, keyId, signature, signatureExpiresAt } = caller;
  return store.write(organisationId, async (work): Promise<Done> => {
    if (!(await work.signatures.use(keyId, signature, signatureExpiresAt))) throw replayed();
    const before =
      idempotencyKey === undefined ? undefined : await work.idempotency.find(keyId, idempotencyKey);
    if (before) return { answer: openKept(masterKey, before, requestDigest), again: true };
    const list = new TouchedList();
    const answer = await effect(work, (what) => list.add(what));
    await recordTouched(work, { keyId, name, requestId, clientCode: 200 }, list.taken(name));
    if (idempotencyKey !== undefined) {
      // An answer may hold a secret that is shown once, such as the link to a machine's screen.
      const sealed = masterKey.seal(JSON.stringify(answer));
      const expiresAt = work.now() + idempotencyMs;
      await work.idempotency.keep(keyId, idempotencyKey, requestDigest, sealed, expiresAt);
    }
    return { answer, again: false };
  });
}

/** A kept answer. Throws `conflict` when it is that of another request. */
export function openKept(
  masterKey: MasterKey,
  { answer, requestDigest: of }: KeptAnswer,
  requestDigest: string,
) {
  if (of === requestDigest) return JSON.parse(masterKey.open(answer));
  throw new AppError(
    'conflict',
    'This Idempotency-Key was used for another request; make a new one for every new request.',
  );
}

export interface Refusal {
  /** The name of the operation. */
  name: string;
  caller: Caller;
  requestId: string;
  clientCode: number;
  /** The thing that the path of the request names, whether it exists or not. */
  touched: Touched;
}

/** Records the refusal of a change: one entry, however many things it was to change. */
export async function recordRefusal(store: Store, refusal: Refusal): Promise<void> {
  const { name, caller, requestId, clientCode, touched } = refusal;
  const { keyId, organisationId } = caller;
  await store
    .write(organisationId, (work) =>
      recordTouched(work, { keyId, name, requestId, clientCode }, touched),
    )
    // The caller must hear of the refusal even when it cannot be recorded.
    .catch(() => {});
}
