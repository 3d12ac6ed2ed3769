// Instances of Incus: each disk is one, and so is each build machine. Every function is idempotent
// and refuses an instance that is not of this installation.

import { setTimeout as wait } from 'node:timers/promises';
import { Type } from 'typebox';
import { AppError, failedForNow } from '../../domain/error.ts';
import type { Call } from '../port/call.ts';
import { Instance } from './answer.ts';
import { type Incus, marks } from './context.ts';
import { isChanged, isExisting, isMissing } from './error.ts';
import { isNewer, tokenText } from './token.ts';

const claimTries = 5;
const removeTries = 5;
const againMs = 200;
const forceMs = 60_000;

/** The states of Incus in which an instance does not run: stopped, and an error. */
const stopped = 102;
const erroneous = 112;

export type Devices = Record<string, Record<string, string>>;

export interface Found {
  value: Instance;
  etag: string | null;
}

const pathOf = (name: string) => `/1.0/instances/${name}`;
/** Whether nothing is known of an instance but its name, because its member does not answer. */
export const isLost = ({ config }: Instance) => Object.keys(config ?? {}).length === 0;
export const isOn = (one: Instance) =>
  !isLost(one) && one.status_code !== stopped && one.status_code !== erroneous;
export const configOf = ({ config }: Instance): Record<string, string> => config ?? {};

function assertOurs({ installation, client }: Incus, { name, config }: Instance): void {
  if (config?.[marks.installation] === installation) return;
  throw new AppError(
    'conflict',
    `The instance ${name} in the project ${client.project} of Incus is not of this installation, so it is left alone. Rename or remove it, then try again.`,
  );
}

export async function findInstance(
  incus: Incus,
  name: string,
  signal: AbortSignal,
): Promise<Found | null> {
  const found = await incus.client.find(Instance, pathOf(name), signal);
  if (found !== null) assertOurs(incus, found.value);
  return found;
}

/** All instances of this installation, and those whose member does not answer. */
export async function listInstances(incus: Incus, signal: AbortSignal): Promise<Instance[]> {
  const { value } = await incus.client.get(Type.Array(Instance), '/1.0/instances', signal, {
    recursion: '1',
  });
  return value.filter(
    (one) => isLost(one) || one.config?.[marks.installation] === incus.installation,
  );
}

/**
 * Claims an instance for the job of a call, and waits for what an earlier claim still has under
 * way there. Null when there is no such instance. Throws `unavailable` for a call that is late.
 */
export async function claimInstance(incus: Incus, name: string, call: Call): Promise<Found | null> {
  for (let tries = 0; tries < claimTries; tries++) {
    const found = await findInstance(incus, name, call.signal);
    if (found === null) return null;
    const kept = configOf(found.value)[marks.token];
    if (call.token === null || !isNewer(call.token, kept, name)) return found;
    try {
      await settled(incus, name, call.signal);
      await changeInstance(incus, name, { [marks.token]: tokenText(call.token) }, call.signal, {
        etag: found.etag,
      });
    } catch (error) {
      if (!isChanged(error)) throw error;
    }
  }
  throw failedForNow(`Others change ${name} at the same time; it is tried again.`);
}

/** Waits until no task runs on an instance. A command in its guest is ended, and not waited for. */
export async function settled({ operations }: Incus, name: string, signal: AbortSignal) {
  for (const operation of await operations.runningOn(name, signal))
    await operations.end(operation, signal).catch(() => signal.throwIfAborted());
}

/** Changes some keys of the configuration, and some devices. */
export async function changeInstance(
  { operations }: Incus,
  name: string,
  config: Record<string, string>,
  signal: AbortSignal,
  { etag, devices }: { etag?: string | null; devices?: Devices } = {},
): Promise<void> {
  const json = { config, ...(devices && { devices }) };
  await operations.run('PATCH', pathOf(name), signal, {
    json,
    ...(typeof etag === 'string' && { etag }),
  });
}

interface InstanceSpec {
  name: string;
  /** The alias of the image. */
  image: string;
  type: string;
  config: Record<string, string>;
  devices: Devices;
  /** A member, or a group with `@` before it; null: Incus chooses. */
  target: string | null;
}

/** Makes an instance that is off, or makes one anew that was not made to its end. */
export async function ensureInstance(incus: Incus, spec: InstanceSpec, call: Call): Promise<void> {
  const { signal, token } = call;
  const { name, image, type, devices, target } = spec;
  const found = await claimInstance(incus, name, call);
  if (found !== null) {
    if (configOf(found.value)[marks.made] === 'yes') return;
    await removeInstance(incus, name, call);
  }
  const config = {
    ...spec.config,
    'boot.autostart': 'false',
    [marks.installation]: incus.installation,
    ...(token && { [marks.token]: tokenText(token) }),
  };
  const profiles = incus.profile === null ? [] : [incus.profile];
  const json = { name, type, profiles, config, devices, source: { type: 'image', alias: image } };
  const query: Record<string, string> = target === null ? {} : { target };
  try {
    await incus.operations.run('POST', '/1.0/instances', signal, { json, query });
    await changeInstance(incus, name, { [marks.made]: 'yes' }, signal);
  } catch (error) {
    // Another attempt began to make it in the same moment.
    if (isExisting(error))
      throw failedForNow('This is being made already; it is tried again.', { cause: error });
    if (!signal.aborted) await removeInstance(incus, name, call).catch(() => {});
    throw error;
  }
}

export async function startInstance(incus: Incus, name: string, signal: AbortSignal) {
  const json = { action: 'start', timeout: 60 };
  const isRunning = async () => {
    const found = await findInstance(incus, name, signal);
    return found !== null && isOn(found.value);
  };
  await incus.operations
    .run('PUT', `${pathOf(name)}/state`, signal, { json }, isRunning)
    .catch(async (error) => {
      signal.throwIfAborted();
      if (!(await isRunning())) throw error;
    });
}

/** Asks the guest to power off for `graceMs`, then ends it by force; 0: at once. */
export async function stopInstance(
  incus: Incus,
  name: string,
  graceMs: number,
  signal: AbortSignal,
): Promise<void> {
  const isOff = async () => {
    const found = await findInstance(incus, name, signal);
    return found === null || !isOn(found.value);
  };
  const put = (force: boolean, ms: number) =>
    incus.operations.run(
      'PUT',
      `${pathOf(name)}/state`,
      signal,
      { json: { action: 'stop', force, timeout: Math.ceil(ms / 1000) } },
      isOff,
    );
  if (await isOff()) return;
  if (graceMs > 0) {
    await put(false, graceMs).catch(() => signal.throwIfAborted());
    if (await isOff()) return;
  }
  await put(true, forceMs).catch(async (error) => {
    signal.throwIfAborted();
    if (!(await isOff())) throw error;
  });
}

/** Removes an instance, in whatever state it is. */
export async function removeInstance(incus: Incus, name: string, call: Call): Promise<void> {
  const { signal } = call;
  for (let tries = 1; ; tries++) {
    if ((await claimInstance(incus, name, call)) === null) return;
    try {
      await settled(incus, name, signal);
      await stopInstance(incus, name, 0, signal);
      const isGone = async () => (await findInstance(incus, name, signal)) === null;
      await incus.operations.run('DELETE', pathOf(name), signal, {}, isGone);
      return;
    } catch (error) {
      if (isMissing(error)) return;
      if (tries >= removeTries || !(error instanceof AppError) || error.retry === 'never')
        throw error;
      await wait(againMs, undefined, { signal });
    }
  }
}
