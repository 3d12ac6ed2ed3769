// Machines on this host, for the operator: commands are run inside them.

import { AppError } from '../../domain/error.ts';
import type { MachineId } from '../../domain/ids.ts';
import { requirePart } from '../../engine/optional/parts.ts';
import type { Member } from '../../engine/optional/places.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';

/** The machines of all organisations. */
export const machineList = (store: Store) => store.read('system', (work) => work.machines.all());

/** A page of them, in order of id. */
export const machinePage = (store: Store, after: number | null, limit: number) =>
  store.read('system', (work) => work.machines.page(after, limit));

interface ListedMember extends Member {
  /** The disks of machines that are there. */
  disks: number;
}

/** The hosts of a cluster. Throws `invalid` where the engine has one host only. */
export async function memberList(engine: Engine): Promise<ListedMember[]> {
  const places = requirePart(engine, 'places');
  const members = await places.members(withoutJob());
  const hosts = [...(await places.ofDisks(withoutJob())).values()].map(({ host }) => host);
  return members.map((one) => ({
    ...one,
    disks: hosts.filter((host) => host === one.name).length,
  }));
}

/**
 * Runs a command inside a machine, as its root. The trail names the program and not its arguments,
 * which may hold secrets. Throws not-found, and the engine's error for a machine that is not ready.
 */
export const machineExec = change(
  'machineExec',
  (_engine: Engine, id: MachineId, command: readonly string[], _signal?: AbortSignal) =>
    `machine ${id}: ${command[0] ?? ''}`,
  async ({ store }, engine, id, command, signal?) => {
    if (!(await store.read('system', (work) => work.machines.find(id))))
      throw new AppError('not_found', `There is no machine ${id}; see: silversmith machine list`);
    return requirePart(engine, 'exec').run({ machineId: id, command }, withoutJob(signal));
  },
);
