// The host of the server and its audit trail, for operators on the wire.

import { Type } from 'typebox';
import { DateTime, Enum, NullableDateTime, NullableString } from '../envelope.ts';
import { errandFields } from './errand.ts';
import { Finding } from './finding.ts';
import { defineOperator } from './operation.ts';

const auditLimitMax = 10_000;

const Entry = Type.Object({
  id: Type.Integer(),
  operator: Type.String({ description: 'A user of the host, or a key' }),
  action: Type.String(),
  thing: Type.String(),
  outcome: Enum(
    ['begun', 'done', 'refused', 'failed'],
    '`begun`: it has not ended, or its process died',
  ),
  reason: NullableString('Why it was refused or failed'),
  request_id: NullableString('x-request-id of the answer; null for a command on the host'),
  created_at: DateTime('When it was begun'),
  ended_at: NullableDateTime('When it ended'),
});

export const hostOperations = {
  storageGet: defineOperator({
    method: 'GET',
    path: '/operator/storage',
    summary: 'Show what everything takes on the disk of the host',
    response: {
      sizes: Type.Array(Type.Object({ what: Type.String(), bytes: Type.Integer() })),
    },
    errors: [],
  }),
  doctor: defineOperator({
    method: 'GET',
    path: '/operator/doctor',
    summary: 'Compare the store with what is on the disk of the host, and explain',
    response: { findings: Type.Array(Finding) },
    errors: [],
  }),
  doctorDeep: defineOperator({
    method: 'POST',
    path: '/operator/doctor',
    summary: 'Begin to read every layer, and to examine the host after that',
    response: errandFields,
    errors: [],
  }),
  auditList: defineOperator({
    method: 'GET',
    path: '/operator/audit',
    summary: 'List what operators changed, newest first',
    query: Type.Object({
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: auditLimitMax, description: 'Default: 100' }),
      ),
    }),
    response: { entries: Type.Array(Entry) },
    errors: [],
  }),
} as const;
