// The plan by which PostgreSQL looks up what follows a row of a long list: in the index of the
// list, or in that of the ids where the list has most of them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { openPool } from '../../src/store/postgres/pool.ts';
import { defer } from '../support.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

describe('what follows a row of a long list on PostgreSQL', () => {
  it('is looked up from that row on in an index, without a sort', async (t) => {
    const url = await server.databaseWithTables();
    const statements: string[] = [];
    const store = await openPostgres({ url, onQuery: (text) => statements.push(text) });
    defer(t, () => store.close());
    const own = await store.write('system', async ({ organisations }) => {
      for (let number = 1; number < 20; number++) await organisations.ensure(`other ${number}`);
      return organisations.ensure('one');
    });
    const image = { sizeGb: 1, source: 'seat', baseImageId: null, machineId: null } as const;
    await store.write(own, (work) => work.images.add({ ...image, organisationId: own, name: 'x' }));
    const pool = openPool(url);
    defer(t, () => pool.end());
    await pool.query(`insert into image (organisation_id, name, name_folded, size_gb, status, source,
        created_at, updated_at)
      select organisation.id, image.name, name_folded, size_gb, status, source, image.created_at, updated_at
      from image, generate_series(1, 1000), organisation`);
    await pool.query('analyze image');
    statements.length = 0;
    const { images, count } = await store.read(own, (work) =>
      work.images.list({ page: 1, perPage: 20, before: 10_000 }),
    );
    assert.deepEqual([images.length, count], [20, 1001]);
    assert.ok(images.every(({ id }) => id < 10_000));
    const cut = statements.filter((text) => / limit /.test(text));
    assert.equal(cut.length, 1);
    const values = [...(cut[0] ?? '').matchAll(/\$\d+/g)].map(
      (_, index) => [own, 10_000, 21][index],
    );
    const { rows } = await pool.query(`explain ${cut[0]}`, values);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    assert.match(plan, /Index (Only )?Scan Backward using image_(listed|pkey)/);
    assert.match(plan, /Index Cond: .*\bid < /);
    assert.doesNotMatch(plan, /Seq Scan|Sort/);
  });
});
