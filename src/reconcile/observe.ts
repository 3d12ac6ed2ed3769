// Shows as off a machine whose guest powered itself off.

import type { Task } from './task.ts';

export const observe: Task = {
  everyMs: 5000,
  async run({ store, engine }) {
    const believed = await store.read('system', (work) => work.machines.ready());
    if (believed.length === 0) return;
    const running = await engine.runningMachines();
    const gone = believed.filter((machine) => !running.has(machine.id));
    if (gone.length === 0) return;
    await store.write('system', async (work) => {
      const busy = new Set(
        (await work.operations.ofMachines(gone.map((machine) => machine.id))).map((operation) => operation.machineId),
      );
      for (const { id } of gone) {
        const machine = await work.machines.find(id);
        // Whoever has an open operation on it says what becomes of it.
        if (machine?.status !== 'ready' || busy.has(id)) continue;
        await work.machines.update(id, {
          status: 'off',
          statusReason: 'The machine went off by itself: its guest powered off, or its host restarted.',
        });
      }
    });
  },
};
