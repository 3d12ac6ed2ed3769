// Measures the room on the host's disk and the bytes of machines' disks. Requests are answered from
// the last measurement. Machines that were paused because the disk was full are shown as paused,
// and go on when there is room again.

import { withoutJob } from '../../engine/port/call.ts';
import { noteCapacity } from '../capacity.ts';
import type { Task } from '../task.ts';

/** So many disks are written in one transaction, so that others write in between. */
const portionMax = 1000;

export const measure: Task = {
  everyMs: 60_000,
  scope: 'host',
  async run({ store, engine, log, signal }) {
    const call = withoutJob(signal);
    const { disks, capacity } = await engine.inventory(call);
    const noted = await store.survey('system', (work) => work.disks.storedBytes());
    const changed = noted.flatMap(({ id, storedBytes: before }) => {
      const storedBytes = disks.get(id);
      return storedBytes === undefined || storedBytes === before ? [] : [{ id, storedBytes }];
    });
    for (let from = 0; from === 0 || from < changed.length; from += portionMax) {
      signal.throwIfAborted();
      const portion = changed.slice(from, from + portionMax);
      await store.write('system', async (work) => {
        if (from === 0) await noteCapacity(work, capacity);
        await work.disks.setStoredBytes(portion);
      });
    }
    if (!engine.pause) return;
    const paused = [...(await engine.pause.paused(call))];
    await store.write('system', async (work) => {
      const machineIds = await work.machines.setPaused(paused);
      await work.events.add('changed', { machineIds });
    });
    if (capacity.freeBytes === 0) return;
    // A machine is shown as paused until the next run sees that it went on.
    for (const machine of paused)
      if (await engine.pause.resume(machine, call))
        log.warn(
          { machine },
          "a machine was paused because the host's disk was full; it is let go on",
        );
  },
};
