// Storage: the bytes that each kind of thing takes on the disk of the host.

import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { Store } from '../../store/port/unit-of-work.ts';

/** Bytes, in the order in which they are shown. */
export async function storageGet(store: Store, engine: Engine): Promise<[string, number][]> {
  const { layers, disks, capacity } = await engine.inventory(withoutJob());
  const known = await store.read('system', async (work) => ({
    layers: await work.layers.list(),
    disks: await work.disks.list(),
  }));
  const sum = (ids: readonly { id: string }[], sizes: ReadonlyMap<string, number>) =>
    ids.reduce((total, { id }) => total + (sizes.get(id) ?? 0), 0);
  const ofKind = (kind: string) =>
    sum(
      known.layers.filter((one) => one.kind === kind),
      layers,
    );
  const ofState = (state: string) =>
    sum(
      known.disks.filter((one) => one.state === state),
      disks,
    );
  return [
    ['base images', ofKind('base')],
    ['installed software', ofKind('software')],
    ['captures', ofKind('capture')],
    ['disks of machines', ofState('active')],
    ['kept disks', ofState('kept')],
    ['free on the host', capacity.freeBytes],
    ['the whole disk of the host', capacity.totalBytes],
  ];
}
