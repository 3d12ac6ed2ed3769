// The streams of server-sent events of one server: their limits, their heartbeats, and their ends.
// A stream has no queue: when the connection takes no more, the events wait in the store, and a
// listener that reads nothing for a minute loses its connection like any other. It goes on after its
// last event when it comes again.

import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Application } from '../app/application.ts';
import type { Caller } from '../app/caller.ts';
import type { Listening } from '../app/event-feed.ts';
import type { Sink } from '../app/recent-events.ts';
import { AppError } from '../domain/error.ts';
import type { EventFilter, FleetEvent } from '../domain/event.ts';
import type { KeyId } from '../domain/ids.ts';
import { atMostEvery } from '../lib/at-most-every.ts';
import { endFrame, eventFrame, gapFrame, placeFrame } from './event-frame.ts';
import { dataHeaders, httpLimits } from './hygiene.ts';

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

/** So many streams get their heartbeats before the event loop goes on. */
const beatenMax = 250;
const retryAfterMs = 10_000;
const tellEveryMs = 60_000;

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

export class EventStreams {
  readonly #app: FastifyInstance;
  readonly #application: Application;
  readonly #streams = new Set<Stream>();
  readonly #ofKey = new Map<KeyId, number>();
  readonly #headers = dataHeaders();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(app: FastifyInstance, application: Application) {
    this.#app = app;
    this.#application = application;
    const fault: { last: unknown } = { last: null };
    const tell = atMostEvery(tellEveryMs, async () =>
      app.log.error({ err: fault.last }, 'events could not be read; they are read again soon'),
    );
    application.events.onFault = (error) => {
      fault.last = error;
      void tell();
    };
    app.addHook('preClose', async () => this.close());
  }

  /**
   * Answers a request with a stream. Throws `too_many_requests` at a limit, and `unavailable` when
   * the store does not answer or the server stops.
   */
  async open(
    request: FastifyRequest,
    reply: FastifyReply,
    caller: Caller,
    options: StreamOptions,
  ): Promise<void> {
    const { organisationId, keyId } = caller;
    this.#assertRoom(keyId);
    const leave = this.#enter(keyId);
    try {
      const stream = new Stream(reply.raw, keyId, options);
      const { after, filter } = options;
      const wanted = { organisationId, after, filter };
      const listening = await this.#application.events.listen(wanted, stream);
      stream.onClose(() => {
        listening.close();
        this.#streams.delete(stream);
        leave();
      });
      // The caller may have gone while the store was asked.
      if (reply.raw.destroyed || request.raw.destroyed) return stream.close();
      reply.hijack();
      setHeaders(request, reply, this.#headers);
      if (request.method === 'HEAD') return void reply.raw.end();
      this.#streams.add(stream);
      if (this.#isStopping) return stream.end('the server stops');
      stream.begin(listening);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Ends all streams; their clients go on at another server, or at the next one. */
  close(): void {
    this.#isStopping = true;
    for (const stream of this.#streams) stream.end('the server stops');
  }

  #assertRoom(keyId: KeyId): void {
    const { ofServer, ofKey } = streamLimits;
    const isFull = this.#count >= ofServer;
    if (!isFull && (this.#ofKey.get(keyId) ?? 0) < ofKey) return;
    const most = isFull ? `This server has ${ofServer}` : `This key has ${ofKey}`;
    throw new AppError(
      'too_many_requests',
      `${most} streams of events open, which is the most; close one, or wait.`,
      { retryAfterMs },
    );
  }

  /** Counts a stream; the returned function counts it out, once. */
  #enter(keyId: KeyId): () => void {
    this.#counted(keyId, 1);
    this.#timer ??= setInterval(() => void this.#check(), streamLimits.checkMs).unref();
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#counted(keyId, -1);
      if (this.#count > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  #counted(keyId: KeyId, by: 1 | -1): void {
    this.#count += by;
    this.#app.server.maxConnections = httpLimits.connections + this.#count;
    const ofKey = (this.#ofKey.get(keyId) ?? 0) + by;
    if (ofKey > 0) this.#ofKey.set(keyId, ofKey);
    else this.#ofKey.delete(keyId);
  }

  /** Ends the streams of keys that are not in use any more, and sends the heartbeats that are due. */
  async #check(): Promise<void> {
    const inUse = await this.#application.callers
      .inUse([...this.#ofKey.keys()])
      .catch((error: unknown) => this.#application.events.onFault(error));
    let beaten = 0;
    for (const stream of this.#streams) {
      if (inUse && !inUse.has(stream.keyId)) stream.end('the key is not in use any more');
      else if (stream.beat() && ++beaten % beatenMax === 0)
        await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}

/** Sets the headers of a stream, beside those that every answer has. */
function setHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  usual: ReturnType<typeof dataHeaders>,
): void {
  for (const [name, value] of Object.entries({ ...usual, ...reply.getHeaders() }))
    if (value !== undefined) reply.raw.setHeader(name, value);
  reply.raw.setHeader('content-type', 'text/event-stream; charset=utf-8');
  reply.raw.setHeader('cache-control', 'no-store, no-transform');
  reply.raw.setHeader('x-request-id', request.id);
  // A proxy that gathers an answer would hold the events back.
  reply.raw.setHeader('x-accel-buffering', 'no');
}

class Stream implements Sink {
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

  constructor(response: ServerResponse, keyId: KeyId, options: StreamOptions) {
    this.#response = response;
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
    const { comeAgainMs } = streamLimits;
    const waitMs = Math.round(comeAgainMs * (1 + 4 * Math.random()));
    this.#write(`retry: ${waitMs}\n${placeFrame(begins)}`);
    if (isGap) this.#write(gapFrame(begins));
    const goOn = async () => {
      await this.#sendPreface();
      if (this.#preface === null) resume();
    };
    const goOnOrFail = () => void goOn().catch(() => this.fail());
    this.#response.on('drain', goOnOrFail);
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
    this.#write(gapFrame(upTo));
  }

  idle(newest: number): void {
    this.#place = Math.max(this.#place, newest);
    const { endsIdle } = this.#options;
    if (endsIdle !== undefined) this.end('settled', endsIdle);
  }

  fail(): void {
    this.end('the store cannot be read now');
  }

  /** Sends a heartbeat when one is due and the connection takes it; returns whether it did. */
  beat(): boolean {
    const isDue = performance.now() - this.#wroteAt >= streamLimits.heartbeatMs;
    if (!isDue || !this.hasRoom()) return false;
    this.#write(placeFrame(this.#place));
    return true;
  }

  /** Ends the stream with its last event. */
  end(reason: string, status: string | null = null): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#response.end(endFrame(reason, status));
    this.close();
  }

  close(): void {
    this.#isEnded = true;
    this.#onClose();
    this.#onClose = () => {};
  }

  #write(frame: string | Buffer): void {
    this.#response.write(frame);
    this.#wroteAt = performance.now();
  }
}
