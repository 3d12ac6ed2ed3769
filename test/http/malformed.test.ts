// Malformed requests, made from the contract's schemas: the answer is never a 5xx, always has the
// envelope, and always has a code that is documented for the operation.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { pathPrefix } from '../../src/contract/envelope.ts';
import type { OperationSpec } from '../../src/contract/operation.ts';
import { type OperationName, operations } from '../../src/contract/table.ts';
import { anyCharacter } from '../any-character.ts';
import { runs } from '../runs.ts';
import { assertDocumented } from './documented.ts';
import { startHarness } from './harness.ts';
import { refusedByStreams } from './requests.ts';

const requests = runs(400);

const oddText = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    '../../etc/passwd',
    "'; drop table image; --",
    '%',
    '🪄'.repeat(30),
    'x'.repeat(5000),
    '1e3',
    '-1',
    'null',
    'true',
  ),
);
const oddNumber = fc.oneof(
  fc.integer({ min: -3, max: 5 }),
  fc.constantFrom(2 ** 31, 2 ** 53, 2 ** 63, 1e308, -1e308, 0.5, -0),
  fc.double({ noNaN: true }),
);
const oddValue = fc.oneof(
  { depthSize: 'small' },
  oddText,
  oddNumber,
  fc.boolean(),
  fc.constant(null),
  fc.array(oddNumber, { maxLength: 5 }),
  fc.jsonValue({ maxDepth: 4 }),
);

const fieldsOf = (schema: OperationSpec['body']) => Object.keys(schema?.properties ?? {});
const anyOf = (names: string[], value: fc.Arbitrary<unknown>) =>
  fc.record(Object.fromEntries([...names, 'undeclared'].map((name) => [name, value])), {
    requiredKeys: [],
  });

const brokenBody = fc.oneof(
  fc.constantFrom(
    '{',
    '[]',
    'null',
    '7',
    '"text"',
    '{"name":"a","name":7}',
    '\ufeff{}',
    `${'['.repeat(2000)}${']'.repeat(2000)}`,
    '{"__proto__":{}}',
    '{"constructor":{"prototype":{}}}',
    '   ',
  ),
  fc.string({ unit: anyCharacter, maxLength: 60 }),
);

const anyRequest = fc
  .constantFrom(...(Object.keys(operations) as OperationName[]))
  .chain((name) => {
    const { method, path, query, body } = operations[name] as OperationSpec;
    const payload = body
      ? fc.oneof(
          anyOf(fieldsOf(body), oddValue).map((value) => JSON.stringify(value)),
          brokenBody,
          fc.constant(''),
        )
      : fc.constant('');
    const id = fc.oneof(
      fc.constantFrom(
        '1',
        '2',
        '3',
        '0',
        '-1',
        'abc',
        '1.5',
        '99999999999999999999',
        '%00',
        '%F0%9F',
      ),
      oddText.map(encodeURIComponent),
    );
    const search = anyOf(fieldsOf(query), oddText).map((values) => {
      const text = new URLSearchParams(values as Record<string, string>).toString();
      return text === '' ? '' : `?${text}`;
    });
    return fc.record({
      name: fc.constant(name),
      method: fc.constant(method),
      path: id.map((text) => pathPrefix + path.replace('{id}', text)),
      query: search,
      body: payload,
    });
  });

describe('a malformed request', () => {
  it(`is refused in the envelope with a documented code, ${requests} times`, async (t) => {
    const h = await startHarness(t, { reconcile: false });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(anyRequest, async ({ name, ...request }) => {
        const { status, body } = await h.send({ ...request, headers: refusedByStreams });
        assert.ok(status < 500, `${status} ${JSON.stringify(body)}`);
        if (status !== 200) refused++;
        // An empty id, or an id with a slash, makes another path, which may belong to another
        // operation or to none.
        const ownPath = new RegExp(
          `^${pathPrefix}${operations[name].path.replace('{id}', '[^/]+')}$`,
        ).test(request.path);
        if (ownPath && status !== 404 && status !== 405) assertDocumented(name, status, body);
        else assert.ok(typeof body.client_code === 'number' && typeof body.message === 'string');
      }),
      { numRuns: requests },
    );
    t.diagnostic(`${requests} requests, ${refused} refused`);
    assert.ok(refused > requests / 4);
    assert.equal((await h.call('machineList', { query: '?q=Machine' })).status, 200);
  });
});
