// Compares which machines are on with which are said to be. One whose guest powered itself off is
// shown as off. One that is on though it should be off (an older store was brought back, or its
// process outlived what was known of it) is stopped: an image could otherwise be captured of a disk
// that somebody writes to.

import type { MachineId } from '../../domain/ids.ts';
import type { Work } from '../../store/port.ts';
import type { Task } from '../task.ts';

const wentOff = 'The machine went off by itself: its guest powered off, or its host restarted.';

export const observe: Task = {
  everyMs: 5000,
  scope: 'host',
  async run({ store, engine, log }) {
    const believed = await store.read('system', (work) => work.machines.ready());
    const running = await engine.runningMachines();
    const known = new Set(believed.map((machine) => machine.id));
    const gone = believed
      .filter((machine) => !running.has(machine.id))
      .map((machine) => machine.id);
    const strays = [...running].filter((id) => !known.has(id));
    if (gone.length > 0)
      await store.write('system', (work) => work.machines.wentOff(gone, wentOff));
    if (strays.length === 0) return;
    const { stopped, unknown } = await store.write('system', (work) => stopStrays(work, strays));
    for (const machine of stopped)
      log.warn({ machine }, 'a machine was on that should be off; it is stopped');
    for (const machine of unknown) {
      await engine.stopMachine(machine, 0);
      log.warn({ machine }, 'a machine was on that the store does not know; it is stopped');
    }
  },
};

/** By a job of the machine, so that nobody starts it at the same time. */
async function stopStrays(work: Work, ids: readonly MachineId[]) {
  // Whoever has an open job on a machine says what becomes of it.
  const busy = new Set((await work.jobs.ofMachines(ids)).map((job) => job.machineId));
  const [stopped, unknown]: [MachineId[], MachineId[]] = [[], []];
  for (const id of ids) {
    const machine = await work.machines.find(id);
    if (!machine) unknown.push(id);
    else if (machine.status === 'off' && !busy.has(id)) {
      await work.machines.update(id, { status: 'turning_off' });
      const { organisationId } = machine;
      await work.jobs.enqueue([{ kind: 'machineStop', organisationId, machineId: id }]);
      stopped.push(id);
    }
  }
  return { stopped, unknown };
}
