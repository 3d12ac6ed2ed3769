// The bytes of server-sent events. Everything that an event holds is in JSON, which has no newline,
// so no text of a guest or a caller can begin another field or another event.

import type { Static } from 'typebox';
import type { EventData } from '../contract/event.ts';
import { type EventFacts, type FleetEvent, nounOf } from '../domain/event.ts';
import type { EventType } from '../domain/event-type.ts';
import { dateTime } from './handler.ts';

const factsOf = (facts: EventFacts) => ({
  operation: facts.operation,
  request_id: facts.requestId,
  phase: facts.phase,
  progress: facts.progress,
  remaining_ms: facts.remainingMs,
  waits_because: facts.waitsBecause,
  position: facts.position,
  software: facts.software,
  lines: facts.lines,
  cache: facts.cache,
  exit_code: facts.exitCode,
  started_from: facts.startedFrom,
  started_ms: facts.startedMs,
});

/** JSON leaves out what is undefined. */
type Present<Shape> = { [Key in keyof Shape]: Shape[Key] | undefined };

export const presentEvent = (event: FleetEvent): Present<Static<typeof EventData>> => ({
  id: String(event.id),
  type: event.type,
  subject: { type: nounOf(event.type), id: event.subject },
  created_at: dateTime(event.createdAt),
  status: event.status ?? undefined,
  status_reason: event.reason ?? undefined,
  bytes: event.bytes ?? undefined,
  bytes_total: event.bytesTotal ?? undefined,
  ...factsOf(event.facts),
});

/** The frame of an event, with its id unless it has none. */
const frameOf = (name: string, data: object, id?: number): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

const frames = new WeakMap<FleetEvent, Buffer>();

/** The frame of an event. It is made once for all listeners. */
export function eventFrame(event: FleetEvent): Buffer {
  let frame = frames.get(event);
  if (frame === undefined) {
    frame = Buffer.from(frameOf(event.type, presentEvent(event), event.id));
    frames.set(event, frame);
  }
  return frame;
}

/** An event that is not stored, such as a log of long ago; no listener can begin after it. */
export const looseFrame = (type: EventType, subject: string, facts: EventFacts): string =>
  frameOf(type, { type, subject: { type: nounOf(type), id: subject }, ...factsOf(facts) });

/** Tells that all events up to an id are lost. */
export const gapFrame = (upTo: number): string =>
  frameOf(
    'gap',
    { message: 'Events after your Last-Event-ID are lost; read again what you follow.' },
    upTo,
  );

/**
 * The last frame of a stream that the server ends. `status`: of the image whose log was followed.
 */
export const endFrame = (reason: string, status: string | null = null): string =>
  frameOf('end', { reason, ...(status !== null && { status }) });

/** Moves the listener's place without an event, and keeps the connection from falling silent. */
export const placeFrame = (id: number): string => `: here\nid: ${id}\n\n`;
