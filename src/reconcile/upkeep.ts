// What nobody asks for but must be so: a machine whose guest powered itself off is shown as off, and bytes that nothing needs go.
// Both take no input, are idempotent, and look at the store and the engine afresh each time.

import type { Engine } from '../engine/port.ts';
import type { Store } from '../store/port.ts';

interface Rooms {
  store: Store;
  engine: Engine;
}

const finishedKeptMs = 7 * 24 * 3600_000;

export async function observeMachines({ store, engine }: Rooms): Promise<void> {
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
}

/** Marks first, in one transaction, so that nothing can begin to use what is going; then removes the bytes, then the rows. */
export async function collect({ store, engine }: Rooms): Promise<void> {
  const { disks, layers } = await store.write('system', async (work) => {
    await work.nonces.prune();
    await work.access.prune();
    await work.operations.prune(work.now() - finishedKeptMs);
    return { disks: await work.disks.doom(), layers: await work.layers.doom() };
  });
  for (const disk of disks) {
    await engine.removeDisk(disk.id);
    await store.write('system', (work) => work.disks.remove(disk.id));
  }
  for (const layer of layers) {
    await engine.removeLayer(layer.id);
    await store.write('system', (work) => work.layers.remove(layer.id));
  }
}
