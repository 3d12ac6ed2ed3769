// A search on PostgreSQL is planned for its own text. A plan for any text would read all names,
// also for a text that is rare.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { openPool } from '../../src/store/postgres/pool.ts';
import { defer } from '../support.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

describe('a search on PostgreSQL', () => {
  it('is prepared by no connection, while other statements are', async (t) => {
    const url = await server.databaseWithTables();
    const searched: string[] = [];
    const store = await openPostgres({ url, onQuery: (text) => searched.push(text) });
    defer(t, () => store.close());
    await store.read('system', ({ images }) => images.list({ page: 1, perPage: 5, q: 'text' }));
    const pool = openPool(url);
    defer(t, () => pool.end());
    const connection = await pool.connect();
    defer(t, () => connection.release());
    for (const text of searched) {
      const given = [...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number));
      const values = Array.from({ length: Math.max(0, ...given) }, () => '1');
      // The values have the wrong types for some; a statement that is named is prepared all the
      // same.
      await connection.query(text, values).catch(() => {});
    }
    const { rows } = await connection.query('select statement from pg_prepared_statements');
    const prepared: string[] = rows.map(({ statement }) => statement);
    const isSearch = (text: string) => text.includes('name_folded');
    assert.ok(searched.some(isSearch));
    assert.deepEqual(prepared.filter(isSearch), []);
    assert.ok(prepared.length > 0);
  });
});
