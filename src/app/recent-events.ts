// The newest events of one organisation, in memory, and the places of its listeners.

import { type EventFilter, type FleetEvent, passes } from '../domain/event.ts';

const eventsMax = 256;
const charsMax = 256 * 1024;

/** Takes the events of one listener. */
export interface Sink {
  /** Whether it may be given events now. */
  hasRoom(): boolean;
  /** Takes events, in order. The list may be empty. */
  take(events: readonly FleetEvent[]): void;
  /** Is told that all events up to this id are lost. */
  gap(upTo: number): void;
  /** Is told that it has all events that there are; `newest` is the last one that is known. */
  idle(newest: number): void;
  /** Is told that the store cannot be read. */
  fail(): void;
}

export interface Place {
  /** All events up to this id were given or do not concern the listener. */
  position: number;
  filter: EventFilter;
  sink: Sink;
  /** Whether it waits for its first `resume`. */
  isHeld: boolean;
  /** Whether events are being read from the store for it. */
  isReading: boolean;
  isClosed: boolean;
}

export class Recent {
  readonly places = new Set<Place>();
  readonly #events: { event: FleetEvent; chars: number }[] = [];
  #chars = 0;
  /** All events of the organisation after this id are in memory. */
  #floor: number;
  /** The id of the newest event; 0 before the first. */
  #newest = 0;

  constructor(floor: number) {
    this.#floor = floor;
  }

  /** Adds events that are newer than all before, and drops the oldest beyond the limits. */
  add(events: readonly FleetEvent[]): void {
    for (const event of events) {
      const chars = JSON.stringify(event.facts).length;
      this.#events.push({ event, chars });
      this.#chars += chars;
      this.#newest = event.id;
    }
    while (this.#events.length > eventsMax || this.#chars > charsMax) {
      const oldest = this.#events.shift();
      if (oldest === undefined) return;
      this.#chars -= oldest.chars;
      this.#floor = oldest.event.id;
    }
  }

  /**
   * Gives a listener what it lacks. False, with nothing done, when the memory has not all of it.
   */
  giveTo(place: Place): boolean {
    if (place.position < this.#floor) return false;
    let from = this.#events.length;
    while (from > 0 && (this.#events[from - 1]?.event.id ?? 0) > place.position) from--;
    const lacking = this.#events.slice(from).map(({ event }) => event);
    place.position = lacking.at(-1)?.id ?? place.position;
    place.sink.take(lacking.filter((event) => passes(place.filter, event)));
    if (place.sink.hasRoom()) place.sink.idle(this.#newest);
    return true;
  }
}
