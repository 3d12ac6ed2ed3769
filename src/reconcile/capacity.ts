// The room of the host, as it is measured, and what the host gives to guests.

import { isDeepStrictEqual } from 'node:util';
import { type Admission, isSomething } from '../domain/account.ts';
import { type Capacity, isFull } from '../domain/host.ts';
import type { Engine } from '../engine/port/engine.ts';
import type { Reader, Store } from '../store/port/unit-of-work.ts';
import type { Settings } from './context.ts';

/** No more of the disk is reserved for the growth of one machine, so that small hosts have room. */
const growthPart = 0.01;

/**
 * What the host gives to guests: its memory and processors times the operator's ratios. Nothing is
 * limited where the engine has several hosts and places guests by itself, unless the operator says
 * how much there is.
 */
function admissionOf(
  { hostBound }: Engine,
  settings: Settings,
  { totalBytes }: Capacity,
): Admission {
  const { memoryOvercommit, cpuOvercommit, diskGrowthBytes } = settings;
  const size = hostBound?.size;
  const memoryMb = settings.hostMemoryMb ?? size?.memoryMb ?? null;
  const cpus = settings.hostCpus ?? size?.cpus ?? null;
  return {
    memoryMb: memoryMb && Math.floor(memoryMb * memoryOvercommit),
    cpus: cpus && Math.floor(cpus * cpuOvercommit),
    growthBytes: Math.min(diskGrowthBytes, Math.floor(totalBytes * growthPart)),
  };
}

/** The bytes that the account has on the disk. */
const knownBytes = async ({ account }: Reader): Promise<number> =>
  (await account.kinds()).reduce((sum, { bytes }) => sum + bytes, 0);

interface Measuring {
  store: Store;
  engine: Engine;
  settings: Settings;
}

interface Look {
  capacity: Capacity;
  /** By how much the disks of machines had grown, when `look` has written their sizes. */
  grownBytes?: number;
}

/**
 * Measures the disk with `look`, and keeps what it found. Tells every organisation when the room is
 * so low that new work is refused from now on, and when it is not any more.
 */
export async function noteCapacity(
  { store, engine, settings }: Measuring,
  look: () => Promise<Look>,
): Promise<void> {
  const knownBefore = await store.read('system', knownBytes);
  const { capacity, grownBytes = 0 } = await look();
  await store.write('system', async (work) => {
    const before = await work.host.capacity();
    await work.host.setMeasured({
      ...capacity,
      ...admissionOf(engine, settings, capacity),
      // What came or went while the disk was measured counts as if it took room.
      knownBytes: Math.min(knownBefore + grownBytes, await knownBytes(work)),
      buildPlaces: settings.limits.imageInstall,
    });
    const [wasLow, isLow] = [before !== undefined && isFull(before), isFull(capacity)];
    if (wasLow !== isLow) await work.events.addOfHost(isLow ? 'host.low' : 'host.recovered');
  });
}

/**
 * Counts the account anew when its sums are not those of the rows, as after a change by hand.
 * Returns whether it did.
 */
export const mendAccount = (store: Store): Promise<boolean> =>
  store.write('system', async ({ account }) => {
    const kept = (await account.kinds()).filter(isSomething);
    if (isDeepStrictEqual(kept, await account.recounted())) return false;
    await account.recount();
    return true;
  });
