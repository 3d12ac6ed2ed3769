// Prints the OpenAPI document and the reference pages from the tables of the contract.
// Type: npm run contract

import { mkdir, writeFile } from 'node:fs/promises';
import { openApiDocument } from '../src/contract/print/openapi.ts';
import { apiReference, errorReference } from '../src/contract/print/reference.ts';

const root = new URL('..', import.meta.url);
await mkdir(new URL('docs/reference/', root), { recursive: true });
await writeFile(
  new URL('api/openapi.json', root),
  `${JSON.stringify(openApiDocument(), null, 2)}\n`,
);
await writeFile(new URL('docs/reference/api.md', root), apiReference());
await writeFile(new URL('docs/reference/errors.md', root), errorReference());
