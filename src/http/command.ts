// A request that changes state: one transaction with its nonce, its effect, its entry in the audit trail, and the answer to give again
// when the same Idempotency-Key comes again. A refusal changes nothing; it leaves an entry in the audit trail, in a transaction of its own.

import { createHash } from 'node:crypto';
import type { Tenant } from '../app/deps.ts';
import { AppError, invalid } from '../domain/error.ts';
import type { ImageId, MachineId, OrganisationId } from '../domain/ids.ts';
import type { MasterKey } from '../lib/master-key.ts';
import type { Store, Work } from '../store/port.ts';
import type { OperationName } from '../wire/operations.ts';
import { type Caller, replayed } from './authenticate.ts';
import { answerError } from './errors.ts';

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
  params: Json;
  body: Json;
}

/**
 * Resolves to the answer with its envelope, and whether it was given before. `stage` comes before the transaction: nothing in a transaction
 * touches files, which a rollback would not bring back and every other writer would wait for.
 */
export async function runCommand(
  { store, masterKey }: { store: Store; masterKey: MasterKey },
  command: Command,
  effect: (work: Tenant, organisationId: OrganisationId) => Promise<Json>,
  envelope: () => Json,
  stage: () => Promise<void> = async () => {},
): Promise<{ answer: Json; again: boolean }> {
  const { caller, idempotencyKey } = command;
  const { organisationId, keyId } = caller;
  if (idempotencyKey !== undefined && !/^[\x21-\x7e]{1,128}$/.test(idempotencyKey)) {
    throw invalid('The Idempotency-Key must be 1 to 128 visible ASCII characters.');
  }
  const digest = createHash('sha256')
    .update(`${command.method} ${command.path}\n`)
    .update(command.rawBody)
    .digest('hex');
  try {
    await stage();
    return await store.write(organisationId, async (work) => {
      if (!(await work.nonces.use(keyId, caller.nonce, caller.nonceExpiresAt))) throw replayed();
      const before = idempotencyKey === undefined ? undefined : await work.idempotency.find(keyId, idempotencyKey);
      if (before) {
        if (before.requestDigest === digest)
          return { answer: JSON.parse(masterKey.open(before.answer)) as Json, again: true };
        throw new AppError(
          'conflict',
          'This Idempotency-Key was used for another request; make a new one for every new request.',
        );
      }
      const answer = { ...(await effect(work, organisationId)), ...envelope() };
      await record(work, command, 200, answer);
      if (idempotencyKey !== undefined) {
        // Sealed, since an answer may hold what is shown once, such as the link to a machine's screen.
        const sealed = masterKey.seal(JSON.stringify(answer));
        await work.idempotency.keep(keyId, idempotencyKey, digest, sealed, work.now() + idempotencyMs);
      }
      return { answer, again: false };
    });
  } catch (error) {
    const { body } = answerError(error, 0);
    if (body.client_code !== 401) {
      // The refusal is what the caller has to hear, even where its entry cannot be written.
      await store.write(organisationId, (work) => record(work, command, body.client_code, {})).catch(() => {});
    }
    throw error;
  }
}

async function record(
  work: Work,
  { name, caller, requestId, params, body }: Command,
  clientCode: number,
  answer: Json,
): Promise<void> {
  const given = typeof params.id === 'number' ? params.id : undefined;
  const onImage = name.startsWith('image') || answer.type === 'image';
  const made = answer.type === 'image' ? Number(answer.id) : null;
  const created = (answer.machines as { attributes: { id: number } }[] | undefined)?.map(
    (machine) => machine.attributes.id,
  );
  const silver = (answer.silver_image as { id: string } | undefined)?.id;
  const imageId = onImage ? (given ?? made) : silver === undefined ? null : Number(silver);
  const machines = (body.machine_ids ??
    (body.machine_id === undefined ? undefined : [body.machine_id]) ??
    (onImage ? [] : (created ?? (given === undefined ? [] : [given])))) as MachineId[];
  await work.audit.add({
    keyId: caller.keyId,
    action: name,
    requestId,
    clientCode,
    imageId: imageId as ImageId | null,
    machineIds: [...new Set(machines)],
  });
}
