// Events on the wire: a stream of server-sent events, and the JSON in each of them.

import { Type } from 'typebox';
import { eventTypes } from '../domain/event-type.ts';
import { DateTime, Enum, NullableInteger } from './envelope.ts';
import { define } from './operation.ts';

const Fact = Type.Optional;

/** The `data` of an event. Fields that do not apply are left out. */
export const EventData = Type.Object(
  {
    id: Fact(
      Type.String({
        description:
          'The id, for Last-Event-ID; also in the field id of the stream. An event of a log of long ago has none',
      }),
    ),
    type: Enum(eventTypes, 'What happened; also in the field event of the stream'),
    subject: Type.Object({
      type: Enum(['image', 'machine', 'transfer', 'layer', 'host'], 'The kind of thing'),
      id: Type.String({ description: 'Its id; empty for the host' }),
    }),
    created_at: Fact(DateTime('When it happened')),
    status: Fact(
      Type.String({ description: 'The status that the thing has; deleted: it is gone' }),
    ),
    status_reason: Fact(Type.String({ description: 'The beginning of the reason for the status' })),
    operation: Fact(Type.String({ description: 'The operation that changed it' })),
    request_id: Fact(Type.String({ description: 'x-request-id of the request that changed it' })),
    phase: Fact(Type.String({ description: 'The step that its work has begun' })),
    progress: Fact(Type.Number({ description: 'How much of its work is done, 0 to 1' })),
    remaining_ms: Fact(
      Type.Integer({ description: 'How long the rest takes when it goes on as fast' }),
    ),
    waits_because: Fact(Type.String({ description: 'Why its work has to be tried again' })),
    bytes: Fact(Type.Integer({ description: 'How much of a transfer is here' })),
    bytes_total: Fact(Type.Integer({ description: 'How large it is; 0 while that is not known' })),
    position: Fact(Type.Integer({ description: 'The step of the build that printed the lines' })),
    software: Fact(Type.String({ description: 'The software of that step' })),
    lines: Fact(
      Type.Array(Type.String(), { description: 'What it printed, without the newlines' }),
    ),
    cache: Fact(
      Enum(['hit', 'miss'], 'At the end of a step: whether its layer had been made before'),
    ),
    started_from: Fact(
      Enum(['memory', 'disk'], 'Of a machine that became ready: how it was started'),
    ),
    started_ms: Fact(Type.Integer({ description: 'How long that took' })),
    exit_code: Fact(NullableInteger('At the end of a step: the exit status of its recipe')),
  },
  { title: 'FleetEvent' },
);

const list = (description: string) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 8000, description }));

export const eventOperations = {
  eventList: define({
    method: 'GET',
    path: '/events',
    tag: 'Events',
    summary:
      'Listen to what happens to the images, machines, transfers and layers that the key may read, as server-sent events. With the header Last-Event-ID, begin after that event',
    permission: ['images:read', 'machines:read'],
    query: Type.Object({
      noun: list('Only events of these, with commas: image, machine, transfer, layer, host'),
      type: list('Only events of these types, with commas, such as image.changed,image.log'),
      subject: list('Only events of these things, with commas, such as image:5,machine:7'),
    }),
    content: 'stream',
    response: {},
    errors: [],
    extension: true,
  }),
} as const;
