// Looks at what things take: the room on the host's disk, and the bytes of disks. Requests are
// answered from what was seen last. Machines that had no room are shown as paused, and go on when
// there is some.

import type { Task } from '../task.ts';

export const measure: Task = {
  everyMs: 60_000,
  scope: 'host',
  async run({ store, engine, log }) {
    const capacity = await engine.capacity();
    const { disks } = await engine.inventory();
    await store.write('system', async (work) => {
      await work.host.seen(capacity);
      for (const disk of await work.disks.list()) {
        const storedBytes = disks.get(disk.id);
        if (storedBytes !== undefined && storedBytes !== disk.storedBytes)
          await work.disks.update(disk.id, { storedBytes });
      }
    });
    const paused = [...(await engine.pausedMachines())];
    await store.write('system', (work) => work.machines.arePaused(paused));
    if (capacity.freeBytes === 0) return;
    // Each is shown as paused until it is seen, the next time, that there was room for it.
    for (const machine of paused)
      if (await engine.resumeMachine(machine))
        log.warn(
          { machine },
          "a machine was paused because the host's disk was full; it is let go on",
        );
  },
};
