// Compares what the store knows with what the engine has. What only the engine has is a stranger: it is reported, left where it is for a
// day (an older store may have been brought back, and want it), and then removed. What only the store has is missing: whatever
// stands on it says so. Something that was missing and is back is verified before it is used.

import type { DiskId, LayerId } from '../domain/ids.ts';
import type { Rooms, Task } from './task.ts';
import { quarantine } from './verify.ts';

export const sweep: Task = {
  everyMs: 3600_000,
  async run(rooms, signal) {
    const { store, engine } = rooms;
    // The engine first: what is made between the two looks is in the store by then, since its row comes before its bytes.
    const has = await engine.inventory();
    const { layers, disks } = await store.read('system', async (work) => ({
      layers: await work.layers.list(),
      disks: new Set(await work.disks.ids()),
    }));
    const known = new Set(layers.map((layer) => layer.id));
    for (const layer of layers) {
      signal.throwIfAborted();
      if (layer.state === 'sealed' && layer.operationId === null && !has.layers.has(layer.id))
        await quarantine(rooms, layer, 'is missing on the disk of the host');
    }
    await strangers(rooms, 'layer', has.layers, known, signal);
    await strangers(rooms, 'disk', has.disks, disks, signal);
  },
};

async function strangers(
  { store, engine, settings, clock, log }: Rooms,
  kind: 'layer' | 'disk',
  has: ReadonlyMap<string, number>,
  known: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const noted = (await store.read('system', (work) => work.host.strangers())).filter((one) => one.kind === kind);
  for (const one of noted) {
    if (has.has(one.id) && !known.has(one.id)) continue;
    await store.write('system', (work) => work.host.forgetStranger(one));
  }
  for (const [id, bytes] of has) {
    if (known.has(id)) continue;
    signal.throwIfAborted();
    const since = noted.find((one) => one.id === id)?.seenAt;
    if (since === undefined) {
      await store.write('system', (work) => work.host.noteStranger({ kind, id, bytes }));
      log.warn({ kind, id, bytes, removedInMs: settings.strangerMs }, 'something is kept that the store does not know');
    } else if (clock.now() - since >= settings.strangerMs) {
      await (kind === 'layer' ? engine.removeLayer(id as LayerId) : engine.removeDisk(id as DiskId));
      await store.write('system', (work) => work.host.forgetStranger({ kind, id }));
      log.warn({ kind, id, bytes }, 'something that the store did not know for a day is removed');
    }
  }
}
