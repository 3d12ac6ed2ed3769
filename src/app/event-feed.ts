// The feed of events: one reader of the store for all listeners of a server. It reads when it is
// woken and by a timer, and keeps the newest events of each organisation that has listeners in
// memory. A listener takes events when it has room for them, from that memory or, when it is
// further behind, from the store. So a slow listener costs no memory: its place is its number of
// the last event, and the events wait in the store.

import { type EventFilter, type FleetEvent, passes } from '../domain/event.ts';
import type { OrganisationId } from '../domain/ids.ts';
import { SharedRun } from '../lib/shared-run.ts';
import type { Reader, Store } from '../store/port/unit-of-work.ts';
import { type Place, Recent, type Sink } from './recent-events.ts';

const pollMs = 1000;
const readMax = 1000;
/** A listener that is behind gets so many events at once. */
const pageMax = 64;
/** So many listeners are served before the event loop goes on. */
const servedMax = 250;

interface Wanted {
  organisationId: OrganisationId;
  /** The id of the last event that the listener has; null: it begins with the next event. */
  after: number | null;
  filter: EventFilter;
}

export interface Listening {
  /** The id of the last event before those that are taken. */
  readonly begins: number;
  /** Whether events after the listener's last one are lost, so that it has to read anew. */
  readonly isGap: boolean;
  /** Gives the sink what it has room for. Call it once to begin, and when there is room again. */
  resume(): void;
  close(): void;
}

export class EventFeed {
  readonly #store: Store;
  readonly #reads = new SharedRun<void>();
  readonly #organisations = new Map<OrganisationId, Recent>();
  /** The id of the last event that was read; null while nobody listens. */
  #cursor: number | null = null;
  #listeners = 0;
  #timer: NodeJS.Timeout | undefined;
  #version: number | null = null;
  /** Is told why the store could not be read; it is read again soon. */
  onFault: (error: unknown) => void = () => {};

  constructor(store: Store) {
    this.#store = store;
    store.onEvents(() => this.#wake());
  }

  /**
   * Begins to listen. Nothing is given to the sink before `resume` is called. Throws `unavailable`
   * when the store does not answer.
   */
  async listen({ organisationId, after, filter }: Wanted, sink: Sink): Promise<Listening> {
    const place: Place = {
      position: 0,
      filter,
      sink,
      isHeld: true,
      isReading: false,
      isClosed: false,
    };
    let recent: Recent | undefined;
    this.#listeners++;
    try {
      if (this.#cursor === null) await this.#begin();
      const own = this.#recentOf(organisationId);
      recent = own;
      own.places.add(place);
      const upTo = await this.#read();
      const ends = await this.#store.read(organisationId, endsOf);
      const newest = Math.max(ends.newest, upTo);
      // An id that was never given is from before a backup was restored, or it is made up.
      const isFuture = after !== null && after > newest;
      const begins = after === null || isFuture ? ends.newest : Math.max(after, ends.forgotten);
      place.position = after === null || isFuture ? newest : begins;
      return {
        begins,
        isGap: after !== null && (isFuture || after < ends.forgotten),
        resume: () => {
          place.isHeld = false;
          this.#serve(organisationId, own, place);
        },
        close: () => this.#leave(organisationId, own, place),
      };
    } catch (error) {
      this.#leave(organisationId, recent, place);
      throw error;
    }
  }

  /** The memory of an organisation, which begins where the feed stands. */
  #recentOf(organisationId: OrganisationId): Recent {
    const known = this.#organisations.get(organisationId);
    if (known) return known;
    const recent = new Recent(this.#cursor ?? 0);
    this.#organisations.set(organisationId, recent);
    return recent;
  }

  async #begin(): Promise<void> {
    await this.#store.publishEvents();
    const newest = await this.#store.read('system', (work) => work.events.newest());
    this.#cursor ??= newest;
    this.#timer ??= setInterval(() => this.#look(), pollMs).unref();
  }

  #leave(organisationId: OrganisationId, recent: Recent | undefined, place: Place): void {
    if (place.isClosed) return;
    place.isClosed = true;
    recent?.places.delete(place);
    if (recent?.places.size === 0 && this.#organisations.get(organisationId) === recent)
      this.#organisations.delete(organisationId);
    if (--this.#listeners > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#cursor = null;
  }

  /** Wakes the feed unless the store knows that nothing has changed. */
  #look(): void {
    const version = this.#store.version();
    if (version !== null && version === this.#version) return;
    this.#version = version;
    this.#wake();
  }

  #wake(): void {
    if (this.#cursor !== null) this.#read().catch((error: unknown) => this.onFault(error));
  }

  /**
   * Reads the events that were written before the call, and gives them to the listeners. Calls at
   * the same time share a read. Resolves to the id of the last event that was read.
   */
  async #read(): Promise<number> {
    await this.#reads.run('', async () => {
      await this.#store.publishEvents();
      for (let isMore = true; isMore && this.#cursor !== null; ) {
        const after = this.#cursor;
        const events = await this.#store.read('system', (work) =>
          work.events.after(after, readMax),
        );
        // Everybody may have left meanwhile, and somebody may have come.
        if (this.#cursor !== after) return;
        this.#cursor = events.at(-1)?.id ?? after;
        isMore = events.length === readMax;
        await this.#give(events);
      }
    });
    return this.#cursor ?? 0;
  }

  async #give(events: readonly FleetEvent[]): Promise<void> {
    for (const [organisationId, own] of Map.groupBy(events, (event) => event.organisationId)) {
      const recent = this.#organisations.get(organisationId);
      if (!recent) continue;
      recent.add(own);
      let served = 0;
      for (const place of recent.places) {
        this.#serve(organisationId, recent, place);
        if (++served % servedMax === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      }
    }
  }

  #serve(organisationId: OrganisationId, recent: Recent, place: Place): void {
    const { sink } = place;
    if (
      place.isHeld ||
      place.isReading ||
      place.isClosed ||
      !sink.hasRoom() ||
      recent.giveTo(place)
    )
      return;
    place.isReading = true;
    this.#catchUp(organisationId, recent, place)
      .catch((error: unknown) => {
        this.onFault(error);
        sink.fail();
      })
      .finally(() => {
        place.isReading = false;
        this.#serve(organisationId, recent, place);
      });
  }

  /** Gives a listener that is behind events from the store, while it has room for them. */
  async #catchUp(organisationId: OrganisationId, recent: Recent, place: Place): Promise<void> {
    const { sink, filter } = place;
    while (!place.isClosed && sink.hasRoom() && !recent.giveTo(place)) {
      const upTo = this.#cursor ?? 0;
      const { position } = place;
      const { forgotten, page } = await this.#store.read(organisationId, async (work) => ({
        page: await work.events.after(position, pageMax, filter),
        forgotten: await work.events.forgotten(),
      }));
      if (place.isClosed) return;
      if (position < forgotten) {
        sink.gap(forgotten);
        place.position = forgotten;
      }
      const last = page.at(-1)?.id ?? position;
      sink.take(page.filter((event) => event.id > place.position && passes(filter, event)));
      place.position = Math.max(place.position, page.length < pageMax ? upTo : last, last);
    }
  }
}

const endsOf = async (work: Reader) => ({
  newest: await work.events.newest(),
  forgotten: await work.events.forgotten(),
});
