// The counts of the whole service, over all organisations, for its metrics.

import type { Capacity } from '../domain/host.ts';
import type { Counts } from '../store/port/counts.ts';
import type { Store } from '../store/port/unit-of-work.ts';

export interface ServiceCounts {
  counts: Counts;
  /** Since when the job that waits longest could run, ms since 1970. */
  dueAt: number | undefined;
  /** The capacity of the host's disk, as last measured. */
  capacity: Capacity | undefined;
  /** See `Store.reruns`. */
  reruns: number;
}

export const countService = (store: Store): Promise<ServiceCounts> =>
  store.read('system', async (work) => ({
    counts: await work.counts(),
    dueAt: await work.jobs.nextDue(),
    capacity: await work.host.capacity(),
    reruns: store.reruns(),
  }));
