// Streams of events: from what a request asks to what is sent.

import type { Application } from '../../app/application.ts';
import type { Caller } from '../../app/caller.ts';
import { type Followed, imageFollow } from '../../app/image-follow.ts';
import { lastEventIdHeader } from '../../contract/operation.ts';
import type { Params, Query, StreamName } from '../../contract/table.ts';
import { AppError, invalid } from '../../domain/error.ts';
import {
  type EventFacts,
  type EventFilter,
  eventNouns,
  type FleetEvent,
  nounOf,
  parseEventFilter,
} from '../../domain/event.ts';
import type { ImageId } from '../../domain/ids.ts';
import { outputLines } from '../../lib/output-lines.ts';
import { looseFrame } from '../event-frame.ts';
import type { StreamOptions } from '../event-listener.ts';

interface Asked<Name extends StreamName> {
  application: Application;
  caller: Caller;
  params: Params<Name>;
  query: Query<Name>;
  /** The id in Last-Event-ID; null without one. */
  after: number | null;
}

export const streamHandlers: {
  [Name in StreamName]: (asked: Asked<Name>) => Promise<StreamOptions>;
} = {
  async eventList({ caller, query, after }) {
    return { after, filter: heard(parseEventFilter(query), caller, query) };
  },
  async imageLog({ application, caller, params: { id }, after }) {
    const { result } = await application.read(caller, (context) => imageFollow(context, id, after));
    const { settled } = result;
    return {
      after: result.after,
      filter: {
        types: new Set(['image.log', 'image.progress', 'image.changed']),
        subjects: new Set([`image:${id}`]),
      },
      ...(settled === null ? { endsAt: endOf } : { endsIdle: settled }),
      preface: logFrames(id, result),
    };
  },
};

/** Reads the header Last-Event-ID. Throws `invalid`. */
export function parseLastEventId(header: string | string[] | undefined): number | null {
  if (header === undefined || header === '') return null;
  if (typeof header === 'string' && new RegExp(lastEventIdHeader.pattern).test(header))
    return Number(header);
  throw invalid(
    `${lastEventIdHeader.name} must be the id of an event, a whole number; leave it out to begin with what happens next.`,
  );
}

/**
 * The part of a filter that the caller may hear. Throws `permission_required` when the request names
 * something that the key may not.
 */
function heard(
  { types, subjects }: EventFilter,
  { permissions }: Caller,
  { noun, type, subject }: Query<'eventList'>,
): EventFilter {
  const mayHear = [...types].filter((one) => {
    const permission = eventNouns[nounOf(one)];
    return permission === null || permissions.includes(permission);
  });
  const [refused] = [...types].filter((one) => !mayHear.includes(one));
  const isNamed = (noun ?? type ?? subject) !== undefined;
  if (refused !== undefined && isNamed)
    throw new AppError(
      'permission_required',
      `To hear of ${refused} this key needs the permission ${eventNouns[nounOf(refused)]}; use one that has it, or leave that event out.`,
    );
  return { types: new Set(mayHear), subjects };
}

const ends: readonly (string | null)[] = ['available', 'failed', 'deleted'];
const endOf = ({ type, status }: FleetEvent) =>
  type === 'image.changed' && status !== null && ends.includes(status) ? status : undefined;

const charsMax = 8 * 1024;

/** The log of an image that was made before, as events without ids. */
function* logFrames(imageId: ImageId, { steps, report }: Followed): Generator<string> {
  for (const { position, name, output, cache, exitCode } of steps)
    yield* framesOf(imageId, { position, software: name }, output, { cache, exitCode });
  if (report !== null) yield* framesOf(imageId, {}, report, {});
}

function* framesOf(
  imageId: ImageId,
  step: EventFacts,
  output: string,
  ended: EventFacts,
): Generator<string> {
  const frame = (facts: EventFacts) =>
    looseFrame('image.log', String(imageId), { ...step, ...facts });
  const all: string[] = [];
  outputLines((line) => all.push(line))(Buffer.from(output.replace(/\n?$/, '\n')));
  let [lines, chars]: [string[], number] = [[], 0];
  for (const line of output === '' ? [] : all) {
    if (chars + line.length > charsMax) {
      yield frame({ lines });
      [lines, chars] = [[], 0];
    }
    lines.push(line);
    chars += line.length + 1;
  }
  yield frame({ lines, ...ended });
}
