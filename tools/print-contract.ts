// Prints the OpenAPI document, the reference pages and the files of the client that are made from
// the tables of the contract.
// Type: npm run contract

import { mkdir, writeFile } from 'node:fs/promises';
import { clientErrorCodes } from '../src/contract/print/error-codes.ts';
import { openApiDocument } from '../src/contract/print/openapi.ts';
import { apiReference, errorReference } from '../src/contract/print/reference.ts';
import { clientRoutes, operatorRoutes } from '../src/contract/print/routes.ts';
import { clientTypes, operatorTypes } from '../src/contract/print/types.ts';

const root = new URL('..', import.meta.url);
await mkdir(new URL('docs/reference/', root), { recursive: true });
await writeFile(
  new URL('api/openapi.json', root),
  `${JSON.stringify(openApiDocument(), null, 2)}\n`,
);
await writeFile(new URL('docs/reference/api.md', root), apiReference());
await writeFile(new URL('docs/reference/errors.md', root), errorReference());
await writeFile(new URL('src/client/routes.ts', root), clientRoutes());
await writeFile(new URL('src/client/types.ts', root), clientTypes());
await writeFile(new URL('src/client/operator-routes.ts', root), operatorRoutes());
await writeFile(new URL('src/client/operator-types.ts', root), operatorTypes());
await writeFile(new URL('src/client/error-codes.ts', root), clientErrorCodes());
