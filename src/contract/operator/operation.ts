// The form of a row of the operator's table. Its operations are our own additions; they belong to no
// organisation, and take keys of operators alone.

import type { OperationSpec } from '../operation.ts';

type Given = Omit<OperationSpec, 'permission' | 'tag' | 'extension' | 'content'>;

/** A row: reading needs `operator:read`, changing needs `operator:write`. */
export const defineOperator = <const Row extends Given>(row: Row) => ({
  ...row,
  tag: 'Operator',
  permission: row.method === 'GET' ? 'operator:read' : 'operator:write',
  extension: true as const,
});
