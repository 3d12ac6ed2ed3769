// The audit trail on the wire.

import { Type } from 'typebox';
import type { MachineId } from '../domain/ids.ts';
import {
  cursorFields,
  DateTime,
  Id,
  NullableInteger,
  NullableString,
  resource,
} from './envelope.ts';
import { Extension } from './extension.ts';
import { define } from './operation.ts';

const UserActionLog = resource(
  'user_action_log',
  'UserActionLog',
  Type.Object({
    action_type: Type.String({ description: 'What was asked for, such as image_created' }),
    created_at: DateTime('When it was done'),
    user_email: NullableString('Always null: keys act, not users'),
    organization_machine_id: NullableInteger('The machine it was done to'),
    metadata: Type.Object({
      key: Type.String({ description: 'The key that did it' }),
      image_id: NullableInteger('The image it was done with'),
      transfer_id: NullableString('The transfer it was done with'),
      touched_key: Extension(NullableString('The key that was made, replaced or revoked')),
      webhook_id: Extension(NullableString('The webhook it was done to')),
      address: Extension(NullableString('Where a viewer of a machine came from')),
      duration_ms: Extension(NullableInteger('How long the view lasted, at its end')),
      request_id: Type.String({ description: 'x-request-id of the answer' }),
      client_code: Type.Integer({
        description: '200, or with what it was refused: then nothing was changed',
      }),
    }),
  }),
);

const date = (description: string) => Type.Optional(Type.String({ maxLength: 40, description }));

const userActionLogQuery = Type.Object({
  start_date: date('From this date or time on. Default: 30 days before end_date'),
  end_date: date('Up to this date or time. Default: now'),
  action_type: Type.Optional(
    Type.String({
      maxLength: 60,
      description: 'Only these: image_created, machine_started and so on',
    }),
  ),
  user_email: Type.Optional(
    Type.String({ maxLength: 200, description: 'Only this user; keys have none' }),
  ),
  organization_machine_id: Type.Optional(Id<MachineId>('Only this machine')),
  before: Extension(
    Type.Optional(
      Id('Only entries that follow this one; give the dates of the first answer with it'),
    ),
  ),
});

export const auditOperations = {
  userActionLogList: define({
    method: 'GET',
    path: '/user-action-logs',
    tag: 'Audit',
    summary: 'List what was done over the API, newest first, at most 1,000 entries',
    permission: 'audit:read',
    query: userActionLogQuery,
    response: {
      logs: Type.Array(UserActionLog),
      count: Type.Integer({ description: 'Number of all matches' }),
      start_date: DateTime('Beginning of the time looked at'),
      end_date: DateTime('Its end'),
      ...cursorFields,
    },
    errors: [],
  }),
} as const;
