// Errands on the wire: work that takes longer than a request may. Its request is answered at once;
// the key that asked then asks how far it is.

import { Type } from 'typebox';
import type { ErrandId } from '../../domain/ids.ts';
import { DateTime, Enum, NullableString } from '../envelope.ts';
import { Base, Healed, Trial } from './base.ts';
import { Finding } from './finding.ts';
import { defineOperator, Nullable } from './operation.ts';
import { Software } from './software.ts';

const Failure = Type.Object({
  client_code: Type.Integer({ description: 'As that of a request that is refused' }),
  status: Type.Integer({ description: 'The HTTP status of such a refusal' }),
  message: Type.String(),
});

const Verified = Type.Object({
  id: Type.String({ description: 'The layer' }),
  result: Enum(
    ['same', 'digest taken', 'sound again', 'DAMAGED'],
    'What comparing its bytes with its digest has shown',
  ),
});

/** Each kind of work has its own fields. */
const Result = Type.Object({
  base: Type.Optional(Base),
  warnings: Type.Optional(Type.Array(Type.String(), { description: 'Known against the base' })),
  trial: Type.Optional(Trial),
  healed: Type.Optional(Healed),
  software: Type.Optional(Software),
  layers: Type.Optional(Type.Array(Verified)),
  findings: Type.Optional(Type.Array(Finding)),
  exit_code: Type.Optional(Type.Integer({ description: 'Of a command inside a machine' })),
  stdout: Type.Optional(Type.String()),
  stderr: Type.Optional(Type.String()),
  is_cut: Type.Optional(Type.Boolean({ description: 'Whether an output was longer' })),
});

export const errandFields = {
  id: Type.String({ description: 'ID of the work' }),
  action: Type.String({ description: 'Its name in the audit trail' }),
  status: Enum(['running', 'done', 'failed'], 'How far it is'),
  phase: NullableString('What it does now'),
  failure: Nullable(Failure),
  result: Nullable(Result),
  begun_at: DateTime('When it was begun'),
};

const params = Type.Object({
  id: Type.Unsafe<ErrandId>({
    type: 'string',
    pattern: '^[0-9a-f]{1,64}$',
    description: 'ID of the work',
  }),
});

const permission = ['operator:read', 'operator:write', 'operator:exec'] as const;

export const errandOperations = {
  errandGet: defineOperator({
    method: 'GET',
    path: '/operator/errands/{id}',
    summary: 'Show how far long work is that this key asked for, and its result for a day',
    permission,
    params,
    response: errandFields,
    errors: ['not_found'],
  }),
  errandCancel: defineOperator({
    method: 'POST',
    path: '/operator/errands/{id}/cancel',
    summary: 'End long work that this key asked for; what it did is undone',
    permission,
    params,
    response: errandFields,
    errors: ['not_found', 'conflict'],
  }),
} as const;
