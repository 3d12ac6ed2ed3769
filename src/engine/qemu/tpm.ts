// The TPM of a guest: a process of swtpm in a cage of its own, which sees the TPM's state and the
// folder of the guest's sockets alone. It ends when QEMU ends. That of a machine survives the
// server as QEMU does, and is found again by its name among the processes of the host.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { failedForNow } from '../../domain/error.ts';
import type { LayerId, MachineId, TemplateId } from '../../domain/ids.ts';
import { systemClock } from '../../lib/clock.ts';
import { exists } from '../../lib/files.ts';
import { killGroup } from '../../lib/spawn.ts';
import { type Guest, qemuArgs } from './command.ts';
import { type Cage, caged } from './confine.ts';
import { tpmSocket } from './firmware.ts';
import type { Host } from './host.ts';
import { launch } from './launch.ts';
import type { GuestKind, Paths } from './paths.ts';
import { endProcess, findProcesses, type Own, waitGone } from './process.ts';

const startMs = 20_000;
const pollMs = 20;
/** It writes its state and ends at once when QEMU has ended. */
const endMs = 5000;

interface Starting {
  /** The name of the guest's process. */
  name: string;
  /** The cage of the guest's QEMU. */
  cage: Cage;
  /** The folder of the TPM's state. */
  state: string;
  paths: Paths;
}

/**
 * Starts the TPM of a guest, and resolves when QEMU can connect to it. Throws `unavailable` when it
 * does not come up; it is ended then.
 */
export async function startTpm(
  { name, cage, state, paths }: Starting,
  signal: AbortSignal,
): Promise<void> {
  const { user, cwd, mortal } = cage;
  const own: Cage = { user, cwd, readable: [], writable: [cwd, state], mortal };
  const { file, args, options } = await caged(own, 'swtpm', [
    ...['socket', '--tpm2', '--terminate'],
    ...['--tpmstate', `dir=${paths.fromGuest(state)},mode=0600`],
    ...['--ctrl', `type=unixio,path=${tpmSocket},mode=0600`],
    ...['--log', `level=1,prefix=${name}`],
  ]);
  const child = spawn(file, args, { ...options, detached: true, stdio: 'ignore' });
  let ended: string | null = null;
  child.once('error', (error) => {
    ended = String(error);
  });
  child.once('exit', (code, by) => {
    ended ??= `swtpm ended with ${code ?? by}`;
  });
  child.unref();
  try {
    const end = performance.now() + startMs;
    while (ended === null && performance.now() < end) {
      if (await exists(join(cwd, tpmSocket))) return;
      await systemClock.sleep(pollMs, signal);
    }
  } catch (error) {
    killGroup(child);
    throw error;
  }
  killGroup(child);
  throw failedForNow('The TPM of the machine did not come up.', {
    detail: ended ?? 'it made no socket',
  });
}

interface Launching {
  guest: Guest;
  cage: Cage;
  /** The folder of the TPM's state. */
  tpm: string;
  kind: GuestKind;
  id: MachineId | LayerId | TemplateId;
  /** See `launch`. */
  descriptors?: readonly number[];
}

/** Starts the TPM of a guest, when it has one, and then its QEMU (see `launch`). */
export async function launchGuest(
  { guest, cage, tpm, kind, id, descriptors = [] }: Launching,
  { host, ...own }: Own & { host: Host },
  signal: AbortSignal,
): Promise<void> {
  const { paths } = own;
  const hasTpm = guest.boot.tpm === true;
  if (hasTpm) await startTpm({ name: guest.name, cage, state: tpm, paths }, signal);
  try {
    await launch(qemuArgs(guest, host, paths), cage, signal, descriptors);
  } catch (error) {
    if (hasTpm) await endTpm(own, kind, id);
    throw error;
  }
}

/**
 * Ends the TPM of a guest whose QEMU has ended, and waits until its state is written. Idempotent.
 */
export async function endTpm(
  own: Own,
  kind: GuestKind,
  id: MachineId | LayerId | TemplateId,
): Promise<void> {
  for (const found of await findProcesses(own, kind, id, 'tpm'))
    if (!(await waitGone(found, endMs))) await endProcess(found);
}

/** The machines whose QEMU runs without the TPM that it was started with. */
export async function lostTpms(own: Own): Promise<Set<MachineId>> {
  const [guests, found] = await Promise.all([
    findProcesses(own, 'machine'),
    findProcesses(own, 'machine', undefined, 'tpm'),
  ]);
  const tpms = new Set(found.map(nameOf));
  const without = guests.filter(
    ({ name, commandLine }) => commandLine.includes('-tpmdev') && !tpms.has(name),
  );
  if (without.length === 0) return new Set();
  // A machine that has just gone off has ended its TPM.
  const still = new Set((await findProcesses(own, 'machine')).map(nameOf));
  const lost = without.filter(({ name }) => still.has(name));
  return new Set(lost.map(({ id }) => Number(id) as MachineId));
}

const nameOf = ({ name }: { name: string }) => name;

/** Ends the TPMs whose QEMU is gone, when a server starts. */
export async function endLeftTpms(own: Own): Promise<void> {
  const guests = new Set((await findProcesses(own)).map(nameOf));
  for (const found of await findProcesses(own, undefined, undefined, 'tpm'))
    if (!guests.has(found.name)) await endProcess(found);
}
