// Events as they happen. The connection is made again when it breaks, and goes on after the last
// event, so that none is missed and none comes twice. It needs fetch alone, which can sign and send
// headers; the EventSource of browsers cannot.

import { type ClientOptions, type Input, send } from './client.ts';
import { ApiError, NoAnswerError } from './errors.ts';
import { type Frame, Frames } from './frames.ts';
import { mayPass, pause } from './retry.ts';
import type { FleetEvent } from './types.ts';

/** Events are lost, because they are no longer kept: read again what you follow. */
export interface Gap {
  type: 'gap';
  id: string;
  message: string;
}

export interface Listening {
  /** Goes on after this event; without it, with what happens next. */
  lastEventId?: string | undefined;
  /** Only events of these: lists with commas, as the operation eventList takes them. */
  filters?: Input<'eventList'> | undefined;
  /** Ends the iteration, which then throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Is told that a connection is made: what happens from now on is heard. */
  onOpen?: (() => void) | undefined;
  /** Is told that the connection is lost, and when it is made again. */
  onBreak?: ((why: unknown, againInMs: number) => void) | undefined;
}

/** The end of a followed log: what became of the image. */
export interface Followed {
  type: 'end';
  status: string;
}

/** The server's heartbeats come more often. */
const silenceMsMax = 45_000;
const pauseMsMin = 500;
const pauseMsMax = 30_000;
/** The longest wait that a refusal can ask for. */
const askedMsMax = 15 * 60_000;
const events = 'text/event-stream';

/**
 * Iterates over events, without an end. Throws like a method of the client when the first
 * connection cannot be made, or the server refuses a later one.
 */
export async function* listen(
  options: ClientOptions,
  { filters = {}, ...listening }: Listening = {},
): AsyncGenerator<FleetEvent | Gap, void> {
  for await (const event of stream(options, 'eventList', filters, listening))
    if (event.type !== 'end') yield event;
}

/**
 * Iterates over what the build of an image prints and does, from its beginning; the last event says
 * what became of the image. Throws like `listen`.
 */
export const follow = (
  options: ClientOptions,
  id: number,
  listening: Omit<Listening, 'filters'> = {},
): AsyncGenerator<FleetEvent | Gap | Followed, void> =>
  stream(options, 'imageLog', { id, follow: true }, listening);

async function* stream<Name extends 'eventList' | 'imageLog'>(
  options: ClientOptions,
  name: Name,
  input: Input<Name>,
  { lastEventId, signal, onOpen, onBreak }: Omit<Listening, 'filters'>,
): AsyncGenerator<FleetEvent | Gap | Followed, void> {
  const place: PlaceOf = { id: lastEventId, againMs: null, hasBegun: false, onOpen };
  for (let failures = 0; ; ) {
    let why: unknown = null;
    try {
      for await (const event of connection(options, name, input, place, signal)) {
        failures = 0;
        yield event;
        if (event.type === 'end') return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!place.hasBegun || !mayPass(error, true)) throw error;
      why = error;
    }
    failures++;
    const waitMs = pauseBefore(why, failures, place.againMs);
    onBreak?.(why, waitMs);
    await pause(waitMs, signal);
  }
}

interface PlaceOf {
  id: string | undefined;
  /** The time that the server asks to wait before another connection. */
  againMs: number | null;
  /** Whether a connection was made once. */
  hasBegun: boolean;
  onOpen: (() => void) | undefined;
}

/** The events of one connection, until it ends. Moves the place. */
async function* connection<Name extends 'eventList' | 'imageLog'>(
  options: ClientOptions,
  name: Name,
  input: Input<Name>,
  place: PlaceOf,
  signal: AbortSignal | undefined,
): AsyncGenerator<FleetEvent | Gap | Followed, void> {
  const ended = new AbortController();
  const reply = await send(options, name, input, {
    headers: { accept: events, ...(place.id !== undefined && { 'last-event-id': place.id }) },
    signal: signal ? AbortSignal.any([signal, ended.signal]) : ended.signal,
    timeoutMs: silenceMsMax,
    isStream: true,
  });
  try {
    const type = reply.headers.get('content-type') ?? 'bytes of no type';
    if (reply.body === null || !type.startsWith(events)) {
      ended.abort();
      await reply.text().catch(() => {});
      throw new NoAnswerError(options.url, 'foreign', `${reply.status}, ${type}`);
    }
    place.hasBegun = true;
    place.onOpen?.();
    const frames = new Frames();
    for await (const piece of reply.body)
      for (const frame of framesIn(options, frames, piece)) {
        place.id = frame.id ?? place.id;
        place.againMs = frame.retryMs ?? place.againMs;
        const event = eventIn(frame);
        if (event) yield event;
      }
  } finally {
    ended.abort();
  }
}

function* framesIn({ url }: ClientOptions, frames: Frames, piece: Uint8Array): Generator<Frame> {
  try {
    yield* frames.push(piece);
  } catch (cause) {
    throw new NoAnswerError(url, 'foreign', `a stream that is none: ${cause}`, { cause });
  }
}

/** The event of a block; undefined for a block without one, and for an end that is no end to us. */
function eventIn({ event, id = '', data }: Frame): FleetEvent | Gap | Followed | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  if (event === 'gap')
    return { type: 'gap', id, message: 'message' in data ? `${data.message}` : '' };
  if (event === 'end')
    return 'status' in data ? { type: 'end', status: `${data.status}` } : undefined;
  // Types of a newer server pass too; a program that does not know them leaves them alone.
  return data as FleetEvent;
}

/**
 * The server's wait after an end; else twice as long each time, a part of it drawn by lot. A server
 * cannot ask for a wait of nothing, or for one that outlasts the listener's patience.
 */
function pauseBefore(why: unknown, failures: number, againMs: number | null): number {
  const asked = why instanceof ApiError ? why.retryAfterMs : null;
  const first = Math.max(againMs ?? 0, pauseMsMin);
  const most = Math.min(first * 2 ** (failures - 1), pauseMsMax);
  return Math.max(Math.min(asked ?? 0, askedMsMax), most * (0.5 + Math.random() / 2));
}
