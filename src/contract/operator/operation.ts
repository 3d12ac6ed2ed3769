// The form of a row of the operator's table. Its operations are our own additions; they belong to
// no organisation, and take keys of operators alone.

import { type TSchema, Type } from 'typebox';
import { NullableString } from '../envelope.ts';
import type { OperationSpec } from '../operation.ts';

type Given = Omit<OperationSpec, 'permission' | 'tag' | 'extension' | 'content'> & {
  /** Default: `operator:read` to read, `operator:write` to change; of several, one is enough. */
  permission?: OperationSpec['permission'];
  /** Whether the body of the request is bytes instead of JSON. */
  content?: 'request';
};

/** A row of the operator's table. */
export const defineOperator = <const Row extends Given>(row: Row) => ({
  ...row,
  tag: 'Operator',
  permission: row.permission ?? (row.method === 'GET' ? 'operator:read' : 'operator:write'),
  extension: true as const,
});

/** The query of a list that comes in pages. */
export const afterQuery = {
  after: Type.Optional(
    Type.String({
      pattern: '^[\\w-]{1,64}$',
      description: 'Only what comes after this one: `next` of the page before',
    }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, description: 'How many at most. Default: 100' }),
  ),
};

export const next = NullableString('The last one of this page; null when no more come');

export const Nullable = <Schema extends TSchema>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
