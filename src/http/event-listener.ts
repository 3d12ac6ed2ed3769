// One stream of server-sent events. It has no queue: when its connection takes no more, the events
// wait in the store.

import type { ServerResponse } from 'node:http';
import type { Listening } from '../app/event-feed.ts';
import type { Sink } from '../app/recent-events.ts';
import type { EventFilter, FleetEvent } from '../domain/event.ts';
import type { KeyId } from '../domain/ids.ts';
import { endFrame, eventFrame, gapFrame, placeFrame } from './event-frame.ts';
import type { EventMetrics, StreamEnd } from './event-metrics.ts';

export const streamLimits = {
  /** The most streams of one server; they do not count towards its limit of connections. */
  ofServer: 6000,
  /** The most streams of one key on one server. */
  ofKey: 100,
  /** After so long without an event a stream gets a heartbeat. */
  heartbeatMs: 15_000,
  /** How often heartbeats are due, and keys are looked at. */
  checkMs: 3000,
  /** A client waits so long at least before it comes again, and up to five times as long. */
  comeAgainMs: 1000,
};

export interface StreamOptions {
  after: number | null;
  filter: EventFilter;
  /** Sent before all events; the stream goes on when all of it is. */
  preface?: AsyncIterable<string>;
  /** The status with which the stream ends at an event; undefined when it goes on. */
  endsAt?: (event: FleetEvent) => string | undefined;
  /** The status with which the stream ends as soon as it has all events. */
  endsIdle?: string | undefined;
}

/** What a client is told about the end. */
const endReasons: Partial<Record<StreamEnd, string>> = {
  settled: 'settled',
  stopping: 'the server stops',
  key: 'the key is not in use any more',
  store: 'the store cannot be read now',
};

export class Stream implements Sink {
  readonly keyId: KeyId;
  readonly #response: ServerResponse;
  readonly #options: StreamOptions;
  #preface: AsyncIterator<string> | null;
  #isSendingPreface = false;
  #onClose: () => void = () => {};
  /** The id of the last event that was sent or does not concern the listener. */
  #place = 0;
  #wroteAt = performance.now();
  #isEnded = false;
  /** Whether the connection takes no more. */
  isBehind = false;
  readonly #metrics: EventMetrics;

  constructor(
    response: ServerResponse,
    keyId: KeyId,
    options: StreamOptions,
    metrics: EventMetrics,
  ) {
    this.#response = response;
    this.#metrics = metrics;
    this.keyId = keyId;
    this.#options = options;
    this.#preface = options.preface?.[Symbol.asyncIterator]() ?? null;
  }

  onClose(close: () => void): void {
    this.#onClose = close;
    this.#response.once('close', () => this.close());
  }

  begin({ begins, isGap, resume }: Listening): void {
    this.#place = begins;
    const waitMs = Math.round(streamLimits.comeAgainMs * (1 + 4 * Math.random()));
    this.#write(`retry: ${waitMs}\n${placeFrame(begins)}`);
    if (isGap) this.gap(begins);
    const goOn = async () => {
      await this.#sendPreface();
      if (this.#preface === null) resume();
    };
    const goOnOrFail = () => void goOn().catch(() => this.fail());
    this.#response.on('drain', () => {
      this.isBehind = false;
      goOnOrFail();
    });
    goOnOrFail();
  }

  /** Sends as much as the connection takes. What is sent already goes on by itself. */
  async #sendPreface(): Promise<void> {
    if (this.#isSendingPreface) return;
    this.#isSendingPreface = true;
    try {
      while (this.#preface !== null && this.hasRoom()) {
        const { done, value } = await this.#preface.next();
        if (done) this.#preface = null;
        else if (!this.#isEnded) this.#write(value);
      }
    } finally {
      this.#isSendingPreface = false;
    }
  }

  hasRoom = () => !this.#isEnded && !this.#response.writableNeedDrain && !this.#response.destroyed;

  take(events: readonly FleetEvent[]): void {
    const { endsAt } = this.#options;
    for (const event of events) {
      if (this.#isEnded) return;
      this.#place = event.id;
      this.#write(eventFrame(event));
      const status = endsAt?.(event);
      if (status !== undefined) this.end('settled', status);
    }
  }

  gap(upTo: number): void {
    this.#place = upTo;
    this.#metrics.missed();
    this.#write(gapFrame(upTo));
  }

  idle(newest: number): void {
    this.#place = Math.max(this.#place, newest);
    const { endsIdle } = this.#options;
    if (endsIdle !== undefined) this.end('settled', endsIdle);
  }

  fail(): void {
    this.end('store');
  }

  /** Sends a heartbeat when one is due and the connection takes it; returns whether it did. */
  beat(): boolean {
    const isDue = performance.now() - this.#wroteAt >= streamLimits.heartbeatMs;
    if (!isDue || !this.hasRoom()) return false;
    this.#write(placeFrame(this.#place));
    return true;
  }

  /** Ends the stream with its last event. */
  end(why: StreamEnd, status: string | null = null): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#metrics.ended(why);
    this.#response.end(endFrame(endReasons[why] ?? why, status));
    this.close();
  }

  /** Counts a stream that its connection has ended. */
  close(): void {
    if (!this.#isEnded) this.#metrics.ended(this.isBehind ? 'slow' : 'left');
    this.#isEnded = true;
    this.#onClose();
    this.#onClose = () => {};
  }

  #write(frame: string | Buffer): void {
    if (!this.#response.write(frame)) this.isBehind = true;
    this.#wroteAt = performance.now();
  }
}
