// Takes care of the networks of machines that are on: when a machine became ready, when a request
// has changed what it may reach or which ports lead to it, and now and then, because something else
// on the host may have undone the rules, and because addresses change.

import { reasonOf } from '../../domain/error.ts';
import type { Machine } from '../../domain/machine.ts';
import type { KeptForward } from '../../domain/machine-network.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { NetworkSpec } from '../../engine/port/machines.ts';
import type { Task, TaskContext } from '../task.ts';

/** So many machines are cared for in one run, and so many at once. */
const [machinesMax, atOnceMax] = [100, 8];
/** A port that was taken is tried again after so long, and an address that is not known yet. */
const againMs = 10_000;
/** A guest that has told no address so long after its start tells none. */
const newMs = 300_000;

export const networkSpecOf = ({ network, permissions }: Machine): NetworkSpec => ({
  kind: network,
  internet: permissions.public_internet_access !== false,
});

export const network: Task = {
  everyMs: 1000,
  scope: 'host',
  isIdle: async (store) =>
    (await store.read('system', (work) => work.machines.networkDue(work.now(), 1))).length === 0,
  async run(context) {
    const { store, signal } = context;
    const due = await store.read('system', async (work) => {
      const machines = await work.machines.networkDue(work.now(), machinesMax);
      const forwards = await work.forwards.ofMachines(machines.map(({ id }) => id));
      return machines.map((machine) => ({
        machine,
        forwards: forwards.filter(({ machineId }) => machineId === machine.id),
      }));
    });
    while (due.length > 0) {
      signal.throwIfAborted();
      await Promise.all(due.splice(0, atOnceMax).map((one) => care(context, one)));
    }
  },
};

interface Due {
  machine: Machine;
  forwards: readonly KeptForward[];
}

async function care(
  { store, engine, log, signal }: TaskContext,
  { machine, forwards }: Due,
): Promise<void> {
  const { id, networkDueAt: since } = machine;
  if (since === null) return;
  const part = engine.network;
  const call = withoutJob(signal);
  const seen = await part
    ?.care({ machineId: id, network: networkSpecOf(machine), forwards }, call)
    .catch((error) => {
      signal.throwIfAborted();
      log.warn({ machine: id, err: error }, reasonOf(error));
      return undefined;
    });
  const hasFaults = part !== undefined && (seen === undefined || (seen?.faults.size ?? 0) > 0);
  await store.write('system', async (work) => {
    const isNew = work.now() - (machine.lastSessionStartAt ?? 0) < newMs;
    const isSoon = hasFaults || (isNew && seen?.addresses.length === 0);
    const usualMs = part?.everyMs ?? null;
    const everyMs = isSoon && usualMs !== null ? againMs : usualMs;
    const dueAt = everyMs === null ? null : work.now() + everyMs;
    const addresses = seen?.addresses ?? null;
    let hasChanged = await work.machines.setCared(id, { since, dueAt, addresses });
    for (const forward of seen ? forwards : []) {
      const fault = seen?.faults.get(forward) ?? null;
      const openedAt = fault === null ? (forward.openedAt ?? work.now()) : null;
      if (fault === forward.fault && openedAt === forward.openedAt) continue;
      await work.forwards.note(forward.id, { openedAt, fault });
      hasChanged = true;
    }
    if (hasChanged) await work.events.add('changed', { machineIds: [id] });
  });
}
