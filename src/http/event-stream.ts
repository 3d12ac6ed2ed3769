// The streams of server-sent events of one server: their limits, their heartbeats, and their ends.
// A stream has no queue: when the connection takes no more, the events wait in the store, and a
// listener that reads nothing for a minute loses its connection like any other. It goes on after
// its last event when it comes again.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Application } from '../app/application.ts';
import type { Caller } from '../app/caller.ts';
import { AppError } from '../domain/error.ts';
import type { KeyId } from '../domain/ids.ts';
import { atMostEvery } from '../lib/at-most-every.ts';
import { Stream, type StreamOptions, streamLimits } from './event-listener.ts';
import type { EventMetrics } from './event-metrics.ts';
import { dataHeaders, httpLimits } from './hygiene.ts';

/** So many streams get their heartbeats before the event loop goes on. */
const beatenMax = 250;
const retryAfterMs = 10_000;
const tellEveryMs = 60_000;

export class EventStreams {
  readonly #app: FastifyInstance;
  readonly #application: Application;
  readonly #metrics: EventMetrics;
  readonly #streams = new Set<Stream>();
  readonly #ofKey = new Map<KeyId, number>();
  readonly #headers = dataHeaders();
  #count = 0;
  /** How many took no more when they were last looked at. */
  #behind = 0;
  #timer: NodeJS.Timeout | undefined;
  #isStopping = false;

  constructor(app: FastifyInstance, application: Application, metrics: EventMetrics) {
    this.#app = app;
    this.#application = application;
    this.#metrics = metrics;
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
      const stream = new Stream(reply.raw, keyId, options, this.#metrics);
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
      if (this.#isStopping) return stream.end('stopping');
      stream.begin(listening);
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Ends all streams; their clients go on at another server, or at the next one. */
  close(): void {
    this.#isStopping = true;
    for (const stream of this.#streams) stream.end('stopping');
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
    this.#metrics.counted(this.#count, Math.min(this.#behind, this.#count));
    const ofKey = (this.#ofKey.get(keyId) ?? 0) + by;
    if (ofKey > 0) this.#ofKey.set(keyId, ofKey);
    else this.#ofKey.delete(keyId);
  }

  /**
   * Ends the streams of keys that are not in use any more, and sends the heartbeats that are due.
   */
  async #check(): Promise<void> {
    const inUse = await this.#application.callers
      .inUse([...this.#ofKey.keys()])
      .catch((error: unknown) => this.#application.events.onFault(error));
    let [beaten, behind] = [0, 0];
    for (const stream of this.#streams) {
      if (stream.isBehind) behind++;
      if (inUse && !inUse.has(stream.keyId)) stream.end('key');
      else if (stream.beat() && ++beaten % beatenMax === 0)
        await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#behind = behind;
    this.#metrics.counted(this.#count, Math.min(behind, this.#count));
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
