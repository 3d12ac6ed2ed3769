// Stop: the guest is asked to power off, and its process is ended when it does not within the
// limit. A machine that was deleted is stopped too, so that the engine has nothing left of it but
// its disk.

import { defineJob, named } from '../job.ts';

const kind = 'machineStop';

export const machineStop = defineJob({
  kind,
  attemptsMax: 5,

  async run({ job, store, engine, settings, call }) {
    const id = named(job.machineId, kind, 'machine');
    const limitMs = job.data.gracefully === true ? settings.gracefulStopMs : settings.stopMs;
    const machine = await store.read('system', (work) => work.machines.find(id));
    const diskId = machine?.diskId ?? null;
    await engine.stopMachine({ machineId: id, graceMs: limitMs, diskId }, call);
    return (work) => work.machines.update(id, { status: 'off', stopRequestedAt: null });
  },

  async abandon(work, job, reason) {
    // The machine may still be on, so it is shown as on, and can be stopped again. One that was
    // deleted was off; if it is on all the same, the task `observe` ends it.
    const id = named(job.machineId, kind, 'machine');
    const isDeleted = (await work.machines.find(id)) === undefined;
    await work.machines.update(id, { status: isDeleted ? 'off' : 'ready', statusReason: reason });
  },
});
