// The operations of both tables, as documents name them.

import type { OperationSpec } from '../operation.ts';
import { operatorOperationNames, operatorSpecOf } from '../operator/table.ts';
import { operationNames, specOf } from '../table.ts';

interface Documented {
  name: string;
  operation: OperationSpec;
  /** Whether it is of the operator's API. */
  isOperators: boolean;
}

export const documented: readonly Documented[] = [
  ...operationNames.map((name) => ({ name, operation: specOf(name), isOperators: false })),
  ...operatorOperationNames.map((name) => ({
    name: `operator.${name}`,
    operation: operatorSpecOf(name),
    isOperators: true,
  })),
];
