// Links that open a machine's screen: made for a caller, good once, for a while, and only while the
// machine is ready. The store keeps a hash of the secret part, so that who reads the store cannot
// use one.

import { createHash, randomBytes } from 'node:crypto';
import type { AccessLink } from '../domain/access.ts';
import { AppError } from '../domain/error.ts';
import type { MachineId } from '../domain/ids.ts';
import { assertReady, type Machine } from '../domain/machine.ts';
import { newId } from '../lib/new-id.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import type { RequestContext } from './context.ts';

const defaultSeconds = 3600;
const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');

export async function machineAccess(
  { work, organisationId, keyId, publicUrl, touched }: RequestContext,
  machineId: MachineId,
  expiresInS = defaultSeconds,
): Promise<{ uid: string; url: string; expiresAt: number }> {
  assertReady(await work.machines.get(machineId));
  touched({ machineIds: [machineId] });
  const token = randomBytes(32).toString('base64url');
  const link = { uid: newId(), expiresAt: work.now() + expiresInS * 1000 };
  await work.access.add({ ...link, tokenHash: hashOf(token), organisationId, machineId, keyId });
  return { ...link, url: `${publicUrl}/access/${token}` };
}

export interface Opened {
  link: AccessLink;
  machine: Machine;
}

/**
 * What a link opens, without using it up. Throws not-found for one that is unknown, used or over,
 * and not-ready.
 */
export async function accessCheck(store: Store, token: string): Promise<Opened> {
  const link = await store.read('system', (work) => work.access.find(hashOf(token)));
  if (!link) throw gone();
  const machine = await store.read(link.organisationId, (work) =>
    work.machines.get(link.machineId),
  );
  assertReady(machine);
  return { link, machine };
}

/** Uses the link up, and says so in the audit trail under the key that made it. */
export async function accessOpen(store: Store, token: string, requestId: string): Promise<Opened> {
  const opened = await accessCheck(store, token);
  const { uid, organisationId, keyId, machineId } = opened.link;
  await store.write(organisationId, async (work) => {
    // Asked again: its key may have been revoked meanwhile.
    const isGood = (await work.access.find(hashOf(token))) !== undefined;
    if (!isGood || !(await work.access.use(uid))) throw gone();
    await work.audit.add({
      keyId,
      action: 'machineAccessOpen',
      requestId,
      clientCode: 200,
      machineIds: [machineId],
    });
  });
  return opened;
}

const gone = () =>
  new AppError('not_found', 'This link was used, is over, or never was; ask for a new one.');
