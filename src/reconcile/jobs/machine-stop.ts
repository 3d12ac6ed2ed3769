// Stop: the guest is asked to power off, and its process is ended when it does not within the
// limit.

import { defineJob, named } from '../job.ts';

const kind = 'machineStop';

export const machineStop = defineJob({
  kind,
  attemptsMax: 5,

  async run({ job, store, engine, settings, call }) {
    const id = named(job.machineId, kind, 'machine');
    const limitMs = job.data.gracefully === true ? settings.gracefulStopMs : settings.stopMs;
    const { diskId } = await store.read('system', (work) => work.machines.get(id));
    await engine.stopMachine({ machineId: id, graceMs: limitMs, diskId }, call);
    return (work) => work.machines.update(id, { status: 'off', stopRequestedAt: null });
  },

  async abandon(work, job, reason) {
    // The machine may still be on, so it is shown as on, and can be stopped again.
    const id = named(job.machineId, kind, 'machine');
    await work.machines.update(id, { status: 'ready', statusReason: reason });
  },
});
