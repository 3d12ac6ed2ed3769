// Compares which machines are on with which are said to be. One whose guest powered itself off is shown as off. One that is on though it
// should be off (an older store was brought back, or its process outlived what was known of it) is stopped: an image could otherwise
// be captured of a disk that somebody writes to.

import type { MachineId } from '../domain/ids.ts';
import type { Work } from '../store/port.ts';
import type { Task } from './task.ts';

export const observe: Task = {
  everyMs: 5000,
  async run({ store, engine, log }) {
    const believed = await store.read('system', (work) => work.machines.ready());
    const running = await engine.runningMachines();
    const known = new Set(believed.map((machine) => machine.id));
    const gone = believed.filter((machine) => !running.has(machine.id)).map((machine) => machine.id);
    const strays = [...running].filter((id) => !known.has(id));
    if (gone.length > 0) await store.write('system', (work) => showOff(work, gone));
    if (strays.length === 0) return;
    const { stopped, unknown } = await store.write('system', (work) => stopStrays(work, strays));
    for (const machine of stopped) log.warn({ machine }, 'a machine was on that should be off; it is stopped');
    for (const machine of unknown) {
      await engine.stopMachine(machine, 0);
      log.warn({ machine }, 'a machine was on that the store does not know; it is stopped');
    }
  },
};

/** Whoever has an open operation on a machine says what becomes of it. */
const busyOf = async (work: Work, ids: readonly MachineId[]) =>
  new Set((await work.operations.ofMachines(ids)).map((operation) => operation.machineId));

async function showOff(work: Work, ids: readonly MachineId[]): Promise<void> {
  const busy = await busyOf(work, ids);
  for (const id of ids) {
    const machine = await work.machines.find(id);
    if (machine?.status !== 'ready' || busy.has(id)) continue;
    await work.machines.update(id, {
      status: 'off',
      statusReason: 'The machine went off by itself: its guest powered off, or its host restarted.',
    });
  }
}

/** By an operation of the machine, so that nobody starts it at the same time. */
async function stopStrays(work: Work, ids: readonly MachineId[]) {
  const busy = await busyOf(work, ids);
  const [stopped, unknown]: [MachineId[], MachineId[]] = [[], []];
  for (const id of ids) {
    const machine = await work.machines.find(id);
    if (!machine) unknown.push(id);
    else if (machine.status === 'off' && !busy.has(id)) {
      await work.machines.update(id, { status: 'turning_off' });
      const { organisationId } = machine;
      await work.operations.enqueue([{ kind: 'machineStop', organisationId, machineId: id }]);
      stopped.push(id);
    }
  }
  return { stopped, unknown };
}
