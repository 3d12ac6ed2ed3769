// Streams of events: from what a request asks to what is sent.

import type { Application } from '../../app/application.ts';
import type { Caller } from '../../app/caller.ts';
import type { ReadContext } from '../../app/context.ts';
import { imageFollow } from '../../app/image-follow.ts';
import { lastEventIdHeader } from '../../contract/operation.ts';
import type { Params, Query, StreamName } from '../../contract/table.ts';
import { AppError, invalid } from '../../domain/error.ts';
import {
  type EventFilter,
  eventNouns,
  type FleetEvent,
  nounOf,
  parseEventFilter,
} from '../../domain/event.ts';
import type { StreamOptions } from '../event-listener.ts';
import { logFrames } from '../log-frames.ts';

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
      preface: logFrames({ imageId: id, ...result }, async (position, from, most) => {
        const part = (context: ReadContext) =>
          context.work.images.stepOutput(id, position, from, most);
        return (await application.read(caller, part)).result;
      }),
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
 * The part of a filter that the caller may hear. Throws `permission_required` when the request
 * names something that the key may not.
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
