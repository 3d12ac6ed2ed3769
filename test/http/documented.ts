// Compares an answer with the committed OpenAPI document.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { wireErrors } from '../../src/contract/errors.ts';
import {
  type OperationName,
  operationNames,
  refusalsOf,
  specOf,
} from '../../src/contract/table.ts';

const ajv = new Ajv({ strict: false });
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/);
const committed = JSON.parse(
  readFileSync(new URL('../../api/openapi.json', import.meta.url), 'utf8'),
);
ajv.addSchema(committed, 'openapi');
const escaped = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1');
const patterns = operationNames.map((name) => {
  const { method, path } = specOf(name);
  return {
    name,
    method,
    // A path that is written out goes before one with a parameter, as in the router.
    rank: path.split('{').length,
    pattern: new RegExp(`^${pathPrefix}${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  };
});
patterns.sort((a, b) => a.rank - b.rank);

/** The operation that a request asks for; undefined for a path that is no operation's. */
export const operationAt = (method: string, path: string): OperationName | undefined =>
  patterns.find((one) => one.method === method && one.pattern.test(path))?.name;

/**
 * Fails unless an answer is what the committed OpenAPI document says of the operation, with a
 * client_code that is documented for it.
 */
export function assertDocumented(name: OperationName, status: number, body: unknown): void {
  const operation = specOf(name);
  const place = [
    'paths',
    operation.path,
    operation.method.toLowerCase(),
    'responses',
    String(status),
  ];
  const pointer = [...place, 'content', 'application/json', 'schema'].map(escaped).join('/');
  assert.ok(
    place.reduce((at, key) => at?.[key], committed),
    `${name} answered ${status}, which is not documented for it`,
  );
  const validate = ajv.getSchema(`openapi#/${pointer}`);
  assert.ok(validate);
  assert.ok(
    validate(body),
    `${name} answered ${JSON.stringify(body).slice(0, 300)}: ${ajv.errorsText(validate.errors)}`,
  );
  if (status === 200) return;
  const { client_code: code } = body as { client_code: number };
  const documented: number[] = refusalsOf(operation).map((error) => wireErrors[error].clientCode);
  assert.ok(documented.includes(code), `${name} answered ${code}, which is not documented for it`);
}
