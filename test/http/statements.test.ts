// How many SQL statements each read runs, exactly. What a read costs is mostly its statements, and
// their number is the same on every machine, unlike the time. When a change makes it smaller, write
// the new number down here; when it makes it larger, look for the reason first.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { OperationName } from '../../src/contract/table.ts';
import { virtualClock } from '../support.ts';
import { startHarness } from './harness.ts';

/** After a change in the store, and the second time without a change. */
type Counts = readonly [changed: number, again: number];

type Row = [name: OperationName, query: string, counts: Counts];

/** `named` is in the names of five images and five machines, `one` in that of one of each. */
const onSqlite: readonly Row[] = [
  ['imageList', '', [7, 0]],
  ['imageList', '?per_page=2', [7, 0]],
  ['imageList', '?per_page=2&page=2', [7, 0]],
  ['imageList', '?per_page=2&page=3', [7, 0]],
  ['imageList', '?per_page=2&q=one', [9, 0]],
  ['imageList', '?per_page=2&q=named', [9, 0]],
  ['imageList', '?per_page=2&q=absent', [6, 0]],
  ['imageList', '?per_page=2&q=n', [9, 0]],
  ['imageGet', '', [5, 0]],
  ['machineList', '?per_page=2', [5, 0]],
  ['machineList', '?per_page=2&page=2', [5, 0]],
  ['machineList', '?per_page=2&status=off', [5, 0]],
  ['machineList', '?per_page=2&q=named', [7, 0]],
  ['machineGet', '', [3, 0]],
  ['softwareList', '', [3, 0]],
];
/**
 * PostgreSQL keeps neither answers nor what searches have found, which three statements bring up to
 * date.
 */
const onPostgres = onSqlite.map(([name, query, [changed]]): Row => {
  const count = query.includes('q=') ? changed - 3 : changed;
  return [name, query, [count, count]];
});
const expected = process.env.SILVERSMITH_TEST_POSTGRES === undefined ? onSqlite : onPostgres;

describe('a read', () => {
  it('runs as many statements as are written down here', async (t) => {
    let statements: string[] = [];
    const h = await startHarness(t, {
      reconcile: false,
      clock: virtualClock(),
      onQuery: (sql) => statements.push(sql),
    });
    const names = ['named one', 'named two', 'named three', 'named four', 'named five'];
    for (const name of names) {
      assert.equal((await h.call('imageInstall', { body: { name } })).status, 200);
      await h.addMachine(h.ours, name);
    }
    const [image] = (await h.call('imageList')).body.images;
    const idOf: Partial<Record<OperationName, number>> = {
      imageGet: image.attributes.id,
      machineGet: h.machines[0] ?? 0,
    };
    const ask = async (name: OperationName, query: string) => {
      statements = [];
      assert.equal((await h.call(name, { params: { id: idOf[name] }, query })).status, 200);
      return statements;
    };
    const found: Row[] = [];
    const texts: string[] = [];
    for (const [name, query] of expected) {
      // A change of another organisation: it ends after what the requests before it have written.
      await h.addMachine(h.theirs);
      const [changed, again] = [await ask(name, query), await ask(name, query)];
      found.push([name, query, [changed.length, again.length]]);
      texts.push(`${name} ${query}:`, ...changed, 'and again:', ...again);
    }
    if (!isDeepStrictEqual(found, expected)) t.diagnostic(texts.join('\n'));
    assert.deepEqual(found, expected);
  });
});
