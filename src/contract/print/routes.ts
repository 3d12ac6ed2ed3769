// Prints what the client needs of the contract while it runs: where each operation is. The client has
// it in a file of its own because the schemas take longer to load than most answers take to come.

import { pathPrefix } from '../envelope.ts';
import type { OperationSpec } from '../operation.ts';
import { operationNames, specOf } from '../table.ts';
import { transferPartBytesMax } from '../transfer.ts';

const row = ({ method, path, content }: OperationSpec) => {
  const bytes = content === undefined ? '' : `, content: '${content}'`;
  return `{ method: '${method}', path: '${path}'${bytes} }`;
};

/** `src/client/routes.ts`. */
export const clientRoutes =
  (): string => `// The method and the path of each operation, and whether its body or its answer is bytes.
// Printed from src/contract/table.ts; do not edit it. Type: npm run contract

import type { OperationSpec } from '../contract/operation.ts';
import type { OperationName } from '../contract/table.ts';

export const pathPrefix = '${pathPrefix}';

/** The most bytes of a file in one request. */
export const transferPartBytesMax = ${transferPartBytesMax};

export type Route = Pick<OperationSpec, 'method' | 'path' | 'content'>;

export const routes: Readonly<Record<OperationName, Route>> = {
${operationNames.map((name) => `  ${name}: ${row(specOf(name))},`).join('\n')}
};
`;
