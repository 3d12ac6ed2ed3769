// Stop: the guest is asked to power off, and ended when it does not within the limit.

import { failedForGood } from '../../domain/error.ts';
import type { Workflow } from '../workflow.ts';

export const machineStop: Workflow = {
  attemptsMax: 5,

  async run({ job, engine, settings, call }) {
    const id = job.machineId;
    if (id === null) throw failedForGood('The stop names no machine.');
    const graceMs = job.data.gracefully === true ? settings.gracefulStopMs : settings.stopMs;
    await engine.stopMachine({ machineId: id, graceMs }, call);
    return (work) => work.machines.update(id, { status: 'off', stopRequestedAt: null });
  },

  async abandon(work, job, reason) {
    // The machine may still be on: it is shown as it was, and can be stopped again.
    if (job.machineId !== null)
      await work.machines.update(job.machineId, { status: 'ready', statusReason: reason });
  },
};
