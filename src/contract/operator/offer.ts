// The catalogue as what is offered, for operators on the wire.

import { Type } from 'typebox';
import { Enum, Id, NullableDateTime, NullableString } from '../envelope.ts';
import { nothing } from '../operation.ts';
import { defineOperator } from './operation.ts';

const Kind = Enum(['base', 'software', 'machine-type'], 'Which noun of the catalogue');
const params = Type.Object({ kind: Kind, id: Id<number>('ID') });

const offer = {
  kind: Kind,
  id: Type.Integer(),
  name: Type.String({ description: 'With its version' }),
  version: NullableString('Null when it has none'),
  newest: Type.Unsafe<boolean | null>({
    type: ['boolean', 'null'],
    description: 'Whether it may be taken where no base is named; null for what is no base',
  }),
  retired_at: NullableDateTime('Since when it is not offered any more; null while it is'),
};

export const offerOperations = {
  offerList: defineOperator({
    method: 'GET',
    path: '/operator/offers',
    summary: 'List the bases, software and machine types, also what is retired',
    response: { offers: Type.Array(Type.Object(offer)) },
    errors: [],
  }),
  offerRetire: defineOperator({
    method: 'POST',
    path: '/operator/offers/{kind}/{id}/retirement',
    summary:
      'End the offer of a base, a title or a machine type, or renew it; what stands on it goes on',
    params,
    body: Type.Object({ retired: Type.Boolean({ description: 'Whether it is retired' }) }),
    response: offer,
    errors: ['not_found'],
  }),
  offerRemove: defineOperator({
    method: 'DELETE',
    path: '/operator/offers/{kind}/{id}',
    summary: 'Forget a base, a title or a machine type that nothing uses',
    params,
    response: nothing,
    errors: ['not_found', 'conflict'],
  }),
  baseNewestSet: defineOperator({
    method: 'POST',
    path: '/operator/bases/{id}/newest',
    summary: 'Say whether a base may be taken where no base is named',
    params: Type.Object({ id: Id<number>('ID') }),
    body: Type.Object({ allowed: Type.Boolean({ description: 'Whether it may be taken' }) }),
    response: offer,
    errors: ['not_found'],
  }),
} as const;
