// Prints what the client needs of the contract while it runs: where each operation is. The client
// has it in a file of its own because the schemas take longer to load than most answers take to
// come.

import { pathPrefix } from '../envelope.ts';
import { extensionsHeader } from '../extension.ts';
import { idempotencyHeader, type OperationSpec } from '../operation.ts';
import { operatorOperationNames, operatorSpecOf } from '../operator/table.ts';
import { operationNames, specOf } from '../table.ts';
import { transferPartBytesMax } from '../transfer.ts';

const row = ({ method, path, content, extension }: OperationSpec) => {
  const bytes = content === undefined ? '' : `, content: '${content}'`;
  const ours = extension === undefined ? '' : ', extension: true';
  return `{ method: '${method}', path: '${path}'${bytes}${ours} }`;
};

/** One row on a line, or on several where it is too long for one, as the formatter wants it. */
function line(name: string, text: string): string {
  const one = `  ${name}: ${text},`;
  const inner = text.slice(2, -2).split(', ');
  return one.length <= 100
    ? one
    : [`  ${name}: {`, ...inner.map((part) => `    ${part},`), '  },'].join('\n');
}

/** `src/client/routes.ts`. */
export const clientRoutes =
  (): string => `// The method and the path of each operation, and whether its body or its answer is bytes.
// Printed from src/contract/table.ts; do not edit it. Type: npm run contract

import type { Operations } from './types.ts';

export const pathPrefix = '${pathPrefix}';

/** The header, with its value, by which a caller asks for fields of Silversmith's own. */
export const extensionsHeader = { name: '${extensionsHeader.name}', value: '${extensionsHeader.value}' };

/** A change that is sent again with the same value of this header is done once. */
export const idempotencyHeader = '${idempotencyHeader.name}';

/** The most bytes of a file in one request. */
export const transferPartBytesMax = ${transferPartBytesMax};

export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  content?: 'request' | 'response' | 'stream';
  extension?: true;
}

export const routes: Readonly<Record<keyof Operations, Route>> = {
${operationNames.map((name) => line(name, row(specOf(name)))).join('\n')}
};
`;

/** `src/client/operator-routes.ts`, which only the command line loads. */
export const operatorRoutes =
  (): string => `// The method and the path of each operation of the operator's API.
// Printed from src/contract/operator/table.ts; do not edit it. Type: npm run contract

import type { OperatorOperations } from './operator-types.ts';
import type { Route } from './routes.ts';

export const operatorRoutes: Readonly<Record<keyof OperatorOperations, Route>> = {
${operatorOperationNames.map((name) => line(name, row(operatorSpecOf(name)))).join('\n')}
};
`;
