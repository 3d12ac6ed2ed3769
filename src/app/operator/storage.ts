// Storage: the bytes that each kind of thing takes on the disk of the host, what is reserved on it,
// and the memory and processors that guests have.

import { type Account, accountRoomBytes } from '../../domain/account.ts';
import { withoutJob } from '../../engine/port/call.ts';
import type { Engine } from '../../engine/port/engine.ts';
import type { Store } from '../../store/port/unit-of-work.ts';

/**
 * The memory and processors of machines that are on and of builds, with their limits; null: none.
 */
interface Guests {
  memoryMb: number;
  memoryMbMost: number | null;
  cpus: number;
  cpusMost: number | null;
}

interface Storage {
  /** Bytes, in the order in which they are shown. */
  sizes: [string, number][];
  /** Null before the host was measured. */
  guests: Guests | null;
}

export async function storageGet(store: Store, engine: Engine): Promise<Storage> {
  const { layers, disks, capacity } = await engine.inventory(withoutJob());
  const known = await store.read('system', async (work) => ({
    layers: await work.layers.list(),
    disks: await work.disks.list(),
    kinds: await work.account.kinds(),
    account: await work.account.host(),
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
  const accounted = (kind: string) => known.kinds.find((one) => one.kind === kind)?.bytes ?? 0;
  const { account } = known;
  return {
    sizes: [
      ['base images', ofKind('base')],
      ['installed software', ofKind('software')],
      ['captures', ofKind('capture')],
      ['templates of images', ofKind('template') + accounted('template')],
      ['disks of machines', ofState('active') + ofState('fresh')],
      ['kept disks', ofState('kept')],
      ['disks that are being removed', accounted('disk.deleting')],
      ['uploads and exports', accounted('transfer')],
      ['disks that are being taken in', accounted('intake')],
      ['reserved for work under way', account?.held.reservedBytes ?? 0],
      ['left for new work', account ? Math.max(0, Math.floor(accountRoomBytes(account))) : 0],
      ['free on the host', capacity.freeBytes],
      ['the whole disk of the host', capacity.totalBytes],
    ],
    guests: account ? guestsOf(account) : null,
  };
}

const guestsOf = ({ held, admission }: Account): Guests => ({
  memoryMb: held.memoryMb,
  memoryMbMost: admission.memoryMb,
  cpus: held.cpus,
  cpusMost: admission.cpus,
});
