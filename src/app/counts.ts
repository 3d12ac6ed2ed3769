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
  /** See `Store.eventsWritten`. */
  eventsWritten: number;
}

/** A count that takes no longer is made for each caller. */
const cheapMs = 50;
/** Longer counts may take this part of the time. */
const busyShare = 0.01;

/**
 * Counts, but no more often than the size of the store allows: a count that takes long goes on
 * beside its callers, who get the last one.
 */
export class ServiceCounter {
  readonly #store: Store;
  #last: { counts: ServiceCounts; tookMs: number; endedAt: number } | null = null;
  #counting: Promise<ServiceCounts> | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Rejects when the store cannot be read; with a long count, once after that. */
  async counts(): Promise<ServiceCounts> {
    const last = this.#last;
    if (!last || last.tookMs <= cheapMs) return this.#shared();
    const isDue = performance.now() - last.endedAt >= last.tookMs / busyShare;
    if (isDue) this.#shared().catch(() => {});
    return last.counts;
  }

  #shared(): Promise<ServiceCounts> {
    this.#counting ??= this.#count();
    return this.#counting;
  }

  async #count(): Promise<ServiceCounts> {
    const begun = performance.now();
    try {
      const counts = await this.#store.survey('system', async (work) => ({
        counts: await work.counts(),
        dueAt: await work.jobs.nextDue(),
        capacity: await work.host.capacity(),
        reruns: this.#store.reruns(),
        eventsWritten: this.#store.eventsWritten(),
      }));
      const endedAt = performance.now();
      this.#last = { counts, tookMs: endedAt - begun, endedAt };
      return counts;
    } catch (error) {
      this.#last = null;
      throw error;
    } finally {
      this.#counting = null;
    }
  }
}
