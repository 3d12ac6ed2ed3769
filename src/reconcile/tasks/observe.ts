// Compares the machines that are on with those that the store says are on. A machine whose guest
// powered itself off is shown as off. A machine that is on although it should be off is stopped,
// because an image could otherwise be captured of a disk that a guest writes to. This happens when
// an older store was brought back.

import type { MachineId } from '../../domain/ids.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Writer } from '../../store/port/unit-of-work.ts';
import type { Task } from '../task.ts';

const wentOff = 'The machine went off by itself: its guest powered off, or its host restarted.';

export const observe: Task = {
  everyMs: 5000,
  scope: 'host',
  async run({ store, engine, log, signal }) {
    const call = withoutJob(signal);
    const believed = await store.read('system', (work) => work.machines.ready());
    const running = await engine.runningMachines(call);
    const known = new Set(believed);
    const gone = believed.filter((id) => !running.has(id));
    const strays = [...running].filter((id) => !known.has(id));
    if (gone.length > 0) await store.write('system', (work) => work.machines.setOff(gone, wentOff));
    if (strays.length === 0) return;
    const { stopped, unknown } = await store.write('system', (work) => stopStrays(work, strays));
    for (const machine of stopped)
      log.warn({ machine }, 'a machine was on that should be off; it is stopped');
    for (const machine of unknown) {
      await engine.stopMachine({ machineId: machine, graceMs: 0 }, call);
      log.warn({ machine }, 'a machine was on that the store does not know; it is stopped');
    }
  },
};

/** Stops them by jobs, so that no other job starts the same machine meanwhile. */
async function stopStrays(work: Writer, ids: readonly MachineId[]) {
  // A machine with an open job is left to that job.
  const busy = new Set((await work.jobs.ofMachines(ids)).map((job) => job.machineId));
  const [stopped, unknown]: [MachineId[], MachineId[]] = [[], []];
  for (const id of ids.filter((one) => !busy.has(one))) {
    const machine = await work.machines.find(id);
    if (!machine) unknown.push(id);
    else if (machine.status === 'off') {
      await work.machines.update(id, { status: 'turning_off' });
      const { organisationId } = machine;
      await work.jobs.enqueue([{ kind: 'machineStop', organisationId, machineId: id }]);
      stopped.push(id);
    }
  }
  return { stopped, unknown };
}
