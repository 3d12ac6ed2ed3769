// An event: something that happened to a thing of one organisation. It is written in the
// transaction of the change that it tells of, with the state that the thing has at the end of that
// transaction. An event is small and holds no secret; who needs more reads the thing.

import { invalid } from './error.ts';
import { type EventType, eventTypes } from './event-type.ts';
import type { OrganisationId } from './ids.ts';
import type { Permission } from './key.ts';

/** The nouns that events are about, and the permission that a key needs to hear of each. */
export const eventNouns = {
  image: 'images:read',
  machine: 'machines:read',
  transfer: 'images:read',
  layer: 'images:read',
  /** Either permission is enough to hear that the host has hardly any room left. */
  host: null,
} as const satisfies Record<string, Permission | null>;

type EventNoun = keyof typeof eventNouns;

/** What an event tells beside the state of its subject; a fact that does not apply is absent. */
export interface EventFacts {
  /** The operation and the id of the request that made the change. */
  operation?: string;
  requestId?: string;
  /** The step that a job has begun, and how much of the job is done, 0 to 1. */
  phase?: string;
  progress?: number;
  /** How long the rest takes when it goes on as fast as until now, in ms. */
  remainingMs?: number;
  /** Why a job has to be tried again. */
  waitsBecause?: string;
  /** Of a log: the step of the build, its software, and the lines that it printed. */
  position?: number;
  software?: string;
  lines?: string[];
  /** At the end of a step: whether its layer was found, and the exit status of its recipe. */
  cache?: 'hit' | 'miss';
  exitCode?: number | null;
  /** Of a machine that became ready: from the memory of a template, or booted; and how long. */
  startedFrom?: 'memory' | 'disk';
  startedMs?: number;
}

export interface FleetEvent {
  /** Events are read in the order of their ids. */
  id: number;
  organisationId: OrganisationId;
  type: EventType;
  /** The id of the thing; empty for the host. */
  subject: string;
  /** The thing's status; `deleted` when it is gone. Null where it has none. */
  status: string | null;
  /** The beginning of the reason for the status; null when there is none. */
  reason: string | null;
  /** How much of a transfer's file is here, and how large it is; null for other things. */
  bytes: number | null;
  bytesTotal: number | null;
  facts: EventFacts;
  createdAt: number;
}

export const nounOf = (type: EventType): EventNoun => type.split('.', 1)[0] as EventNoun;

export const isEventType = (text: string): text is EventType =>
  eventTypes.some((one) => one === text);
const isNoun = (text: string): text is EventNoun => Object.hasOwn(eventNouns, text);

/** The events that a listener asks for. */
export interface EventFilter {
  types: ReadonlySet<EventType>;
  /** Only these things, each as `NOUN:ID`; null: all. */
  subjects: ReadonlySet<string> | null;
}

const filterSubjectsMax = 100;

const listed = (text: string | undefined): string[] =>
  text === undefined ? [] : text.split(',').map((one) => one.trim());

/**
 * Reads a filter from lists with commas: of nouns, of types, and of subjects such as `image:5`. One
 * that is left out excludes nothing. Throws `invalid` with the values that there are.
 */
export function parseEventFilter(given: {
  noun?: string | undefined;
  type?: string | undefined;
  subject?: string | undefined;
}): EventFilter {
  const nouns = listed(given.noun);
  const types = listed(given.type);
  const subjects = listed(given.subject);
  for (const noun of nouns) if (!isNoun(noun)) throw unknown('noun', noun, Object.keys(eventNouns));
  for (const type of types) if (!isEventType(type)) throw unknown('type', type, eventTypes);
  if (subjects.length > filterSubjectsMax)
    throw invalid(`subject has ${subjects.length} things; the most is ${filterSubjectsMax}.`);
  for (const subject of subjects)
    if (!isNoun(subject.split(':', 1)[0] ?? '') || !/^[a-z]+:[\w-]{1,64}$/.test(subject))
      throw invalid('subject must be things such as image:5 or machine:7, with commas between.');
  const chosen = eventTypes.filter(
    (type) =>
      (nouns.length === 0 || nouns.includes(nounOf(type))) &&
      (types.length === 0 || types.includes(type)) &&
      (subjects.length === 0 || subjects.some((one) => one.startsWith(`${nounOf(type)}:`))),
  );
  if (chosen.length === 0)
    throw invalid('noun, type and subject exclude each other; leave one of them out.');
  return { types: new Set(chosen), subjects: subjects.length === 0 ? null : new Set(subjects) };
}

const unknown = (field: string, value: string, all: readonly string[]) =>
  invalid(`${field} has ${JSON.stringify(value.slice(0, 40))}; it may have: ${all.join(', ')}.`);

export const passes = ({ types, subjects }: EventFilter, { type, subject }: FleetEvent): boolean =>
  types.has(type) && (subjects === null || subjects.has(`${nounOf(type)}:${subject}`));
