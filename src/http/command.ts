// A request that changes state: one transaction with its signature, its effect, its entry in the
// audit trail, and the answer to give again when the same Idempotency-Key comes again. A refusal
// changes nothing; it leaves an entry in the audit trail, in a transaction of its own. The entry of
// a change names what the application says it touched, that of a refusal what the path names.

import { createHash } from 'node:crypto';
import type { OrganisationWriter, RequestContext } from '../app/context.ts';
import { idempotencyHeader } from '../contract/operation.ts';
import { type OperationName, operations } from '../contract/table.ts';
import type { Touched } from '../domain/audit.ts';
import { AppError, invalid } from '../domain/error.ts';
import type { ImageId, MachineId } from '../domain/ids.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import { type Caller, replayed } from './authenticate.ts';

const idempotencyMs = 24 * 3600_000;

type Json = Record<string, unknown>;

export interface Command {
  name: OperationName;
  caller: Caller;
  requestId: string;
  /** As sent, for telling the same request from another under the same key. */
  method: string;
  path: string;
  rawBody: Buffer;
  idempotencyKey: string | undefined;
}

/**
 * Resolves to the answer with its envelope, and whether it was given before. `stage` comes before
 * the transaction: nothing in a transaction touches files, which a rollback would not bring back
 * and every other writer would wait for.
 */
export async function runCommand(
  { store, masterKey }: { store: Store; masterKey: MasterKey },
  command: Command,
  effect: (work: OrganisationWriter, touched: RequestContext['touched']) => Promise<Json>,
  envelope: () => Json,
  stage: () => Promise<void> = async () => {},
): Promise<{ answer: Json; again: boolean }> {
  const { caller, idempotencyKey } = command;
  const { organisationId, keyId } = caller;
  const { name: header, charactersMax } = idempotencyHeader;
  if (
    idempotencyKey !== undefined &&
    !(/^[\x21-\x7e]+$/.test(idempotencyKey) && idempotencyKey.length <= charactersMax)
  ) {
    throw invalid(`The ${header} must be 1 to ${charactersMax} visible ASCII characters.`);
  }
  const digest = createHash('sha256')
    .update(`${command.method} ${command.path}\n`)
    .update(command.rawBody)
    .digest('hex');
  await stage();
  return store.write(organisationId, async (work) => {
    if (!(await work.signatures.use(keyId, caller.signature, caller.signatureExpiresAt)))
      throw replayed();
    const before =
      idempotencyKey === undefined ? undefined : await work.idempotency.find(keyId, idempotencyKey);
    if (before) {
      if (before.requestDigest === digest)
        return { answer: JSON.parse(masterKey.open(before.answer)) as Json, again: true };
      throw new AppError(
        'conflict',
        'This Idempotency-Key was used for another request; make a new one for every new request.',
      );
    }
    const touched: Touched = {};
    const answer = {
      ...(await effect(work, (what) => Object.assign(touched, what))),
      ...envelope(),
    };
    await work.audit.add({
      keyId,
      action: command.name,
      requestId: command.requestId,
      clientCode: 200,
      ...touched,
    });
    if (idempotencyKey !== undefined) {
      // Sealed, since an answer may hold what is shown once, such as the link to a machine's
      // screen.
      const sealed = masterKey.seal(JSON.stringify(answer));
      await work.idempotency.keep(
        keyId,
        idempotencyKey,
        digest,
        sealed,
        work.now() + idempotencyMs,
      );
    }
    return { answer, again: false };
  });
}

/** Client codes whose refusals leave no entry: anybody could fill the trail with them. */
const unrecorded = new Set([401, 429]);

export interface Refusal {
  name: OperationName;
  caller: Caller;
  requestId: string;
  /** Of the path, as they were sent: they may be what is refused. */
  params: unknown;
  clientCode: number;
}

/** One entry for the refusal of a change, however many things it was to change. */
export async function recordRefusal(store: Store, refusal: Refusal): Promise<void> {
  const { name, caller, requestId, params, clientCode } = refusal;
  const { method, path } = operations[name];
  if (method === 'GET' || unrecorded.has(clientCode)) return;
  const given = String((params as Json | null)?.id);
  const id = Number(given);
  const known = /^[1-9]\d*$/.test(given) && Number.isSafeInteger(id);
  const touched: Touched = {
    ...(known && path.startsWith('/images/{id}') && { imageId: id as ImageId }),
    ...(known && path.startsWith('/machines/{id}') && { machineIds: [id as MachineId] }),
  };
  await store
    .write(caller.organisationId, (work) =>
      work.audit.add({ keyId: caller.keyId, action: name, requestId, clientCode, ...touched }),
    )
    // The refusal is what the caller has to hear, even where its entry cannot be written.
    .catch(() => {});
}
