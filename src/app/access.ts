// Links that open a machine's screen and console. A caller makes a link. Any holder of the link can
// open the machine with it: once, before it expires, and only while the machine is ready. Who opens
// it gets a second secret, with which the screen and the console are opened until the link's time
// is over, at any server. The store keeps a hash of each secret, so that a reader of the store
// cannot use them.

import { createHash, randomBytes } from 'node:crypto';
import type { AccessLink } from '../domain/access.ts';
import { AppError } from '../domain/error.ts';
import type { MachineId } from '../domain/ids.ts';
import { assertReady, type Machine } from '../domain/machine.ts';
import { newId } from '../lib/new-id.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import type { ChangeContext } from './context.ts';
import { recordTouched } from './touched.ts';

const defaultSeconds = 3600;
const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');

/** Makes a link to a ready machine. Throws `not_found` and `machine_not_ready`. */
export async function machineAccess(
  { work, organisationId, keyId, publicUrl, touched }: ChangeContext,
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
 * Shows which machine a link opens, without using the link up. Throws `not_found` for a link that
 * is unknown, used or expired, and `machine_not_ready`.
 */
export async function accessCheck(store: Store, token: string): Promise<Opened> {
  const link = await store.read('system', (work) => work.access.find(hashOf(token)));
  if (!link) throw gone();
  return openedBy(store, link);
}

async function openedBy(store: Store, link: AccessLink): Promise<Opened> {
  const machine = await store.read(link.organisationId, (work) =>
    work.machines.get(link.machineId),
  );
  assertReady(machine);
  return { link, machine };
}

/** A link that was used up, with the secret that its holder got for it. */
export interface Used extends Opened {
  session: string;
}

/**
 * Uses a link up, and records that in the audit trail under the key that made the link. Throws like
 * `accessCheck`.
 */
export async function accessOpen(store: Store, token: string, requestId: string): Promise<Used> {
  const opened = await accessCheck(store, token);
  const { uid, organisationId, keyId, machineId } = opened.link;
  const session = randomBytes(32).toString('base64url');
  await store.write(organisationId, async (work) => {
    // Check again: the key that made it may have been revoked since.
    const isGood = (await work.access.find(hashOf(token))) !== undefined;
    if (!isGood || !(await work.access.use(uid, hashOf(session)))) throw gone();
    const action = { keyId, name: 'machineAccessOpen', requestId, clientCode: 200 };
    await recordTouched(work, action, { machineIds: [machineId] });
  });
  return { ...opened, session };
}

/**
 * Shows which machine the secret of a used link looks at. Throws `not_found` when the link's time
 * is over or the key that made it is not in use any more, and `machine_not_ready`.
 */
export async function accessResume(store: Store, session: string): Promise<Opened> {
  const link = await store.read('system', (work) => work.access.findUsed(hashOf(session)));
  if (!link) throw gone();
  return openedBy(store, link);
}

interface View {
  link: AccessLink;
  /** Such as `machineScreenOpen`. */
  name: string;
  requestId: string;
  /** Where the viewer comes from. */
  address: string;
  /** How long the view lasted; left out when it begins. */
  durationMs?: number;
}

/** Records that a view begins or has ended, under the key that made the link. */
export async function recordView(store: Store, { link, ...action }: View): Promise<void> {
  const { organisationId, keyId, machineId } = link;
  await store.write(organisationId, (work) =>
    recordTouched(
      work,
      { keyId, clientCode: 200, ...action },
      // Nothing of the machine has changed, so nobody needs to hear of it.
      { machineIds: [machineId], isMinor: true },
    ),
  );
}

const gone = () =>
  new AppError('not_found', 'This link was used, is over, or never was; ask for a new one.');
