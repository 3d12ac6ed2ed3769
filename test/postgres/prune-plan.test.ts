// The plan by which PostgreSQL forgets what is old. It compares no row with other rows, also while
// the statistics say that there are none: they were made while the rows were being written.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Writer } from '../../src/store/port/unit-of-work.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { openPool } from '../../src/store/postgres/pool.ts';
import { defer } from '../support.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();
const rows = 30_000;
const later = Number.MAX_SAFE_INTEGER;

const cases: { table: string; fill: string; prune(work: Writer): Promise<unknown> }[] = [
  {
    table: 'audit',
    fill: `insert into audit (organisation_id, key_id, action, request_id, client_code, created_at)
      select 1, 'key', 'a', 'r', 200, 5 from generate_series(1, ${rows})`,
    prune: (work) => work.audit.prune(later),
  },
  {
    table: 'operator_audit',
    fill: `insert into operator_audit (operator, action, thing, outcome, created_at)
      select 'root', 'a', 't', 'done', 5 from generate_series(1, ${rows})`,
    prune: (work) => work.operatorAudit.prune(later),
  },
  {
    table: 'webhook_delivery',
    fill: `insert into webhook (id, organisation_id, url, types, secret_sealed, after_id, created_at)
      values ('hook', 1, 'https://a.test/', '[]', 's', 1, 5);
      insert into webhook_delivery (webhook_id, organisation_id, subject, type, body, state,
        attempts, next_at, created_at, ended_at)
      select 'hook', 1, 'image:1', 'image.changed', '', 'delivered', 1, 5, 5, 5
      from generate_series(1, ${rows})`,
    prune: (work) => work.webhooks.prune(later, later),
  },
  {
    table: 'event',
    fill: `insert into event (organisation_id, type, subject, facts, created_at)
      select 1, 'image.changed', '1', '{}', 5 from generate_series(1, ${rows})`,
    prune: (work) => work.events.prune(later),
  },
];

describe('what is old on PostgreSQL', () => {
  for (const { table, fill, prune } of cases)
    it(`is forgotten without a join in ${table}, whatever its statistics say`, async (t) => {
      const url = await server.databaseWithTables();
      const deleted: { sql: string; parameters: readonly unknown[] }[] = [];
      const store = await openPostgres({
        url,
        onQuery(sql, parameters) {
          if (sql.startsWith('delete')) deleted.push({ sql, parameters });
        },
      });
      defer(t, () => store.close());
      await store.write('system', (work) => work.organisations.ensure('one'));
      const pool = openPool(url);
      defer(t, () => pool.end());
      await pool.query(fill);
      const fewer = 'update pg_class set relpages = pg_relation_size(oid) / 8192, reltuples = 0';
      await pool.query(`${fewer} where oid = $1::regclass`, [table]);
      await store.write('system', prune);
      const { rows: left } = await pool.query(`select count(*)::int from ${table}`);
      assert.equal(left[0].count, 10_000);
      assert.ok(deleted.length > 0);
      for (const { sql, parameters } of deleted) {
        const { rows: plan } = await pool.query(`explain ${sql}`, [...parameters]);
        const text = plan.map((row) => row['QUERY PLAN']).join('\n');
        assert.doesNotMatch(text, /Loop|Join|SubPlan/);
      }
    });
});
