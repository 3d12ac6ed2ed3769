// The room on the host's disk, as it is measured.

import { type Capacity, isFull } from '../domain/host.ts';
import type { Writer } from '../store/port/unit-of-work.ts';

/**
 * Keeps a measurement. Tells every organisation when the room is so low that new work is refused
 * from now on, and when it is not any more.
 */
export async function noteCapacity(work: Writer, capacity: Capacity): Promise<void> {
  const before = await work.host.capacity();
  await work.host.setCapacity(capacity);
  const [wasLow, isLow] = [before !== undefined && isFull(before), isFull(capacity)];
  if (wasLow !== isLow) await work.events.addOfHost(isLow ? 'host.low' : 'host.recovered');
}
