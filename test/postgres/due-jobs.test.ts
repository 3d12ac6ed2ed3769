// The search for due jobs on PostgreSQL steps through its index, however many jobs wait.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { fillQueue, tenOfEach, waitingOf } from '../contract/store/queue.ts';
import { defer } from '../support.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: Plan[];
}

const nodesOf = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

describe('the search for due jobs on PostgreSQL', () => {
  it('reads as many rows of jobs for 20,000 that wait as for 2,000, by indexes alone', async (t) => {
    const url = await server.databaseWithTables();
    let last: { sql: string; parameters: readonly unknown[] } | undefined;
    const store = await openPostgres({
      url,
      onQuery: (sql, parameters) => {
        last = { sql, parameters };
      },
    });
    defer(t, () => store.close());
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    defer(t, () => client.end());
    const readFor = async (count: number) => {
      await client.query(fillQueue({ organisations: 4, count, now: Date.now() }));
      await client.query('analyze job');
      const due = await store.read('system', (work) => work.jobs.due(tenOfEach, 60_000));
      assert.deepEqual(waitingOf(due), [1, 2, 3, 4]);
      assert.ok(last);
      const { rows } = await client.query(`explain (analyze, format json) ${last.sql}`, [
        ...last.parameters,
      ]);
      const nodes = nodesOf(rows[0]['QUERY PLAN'][0].Plan).filter(
        (node) => node['Relation Name'] === 'job',
      );
      for (const node of nodes) assert.match(node['Node Type'], /^Index (Only )?Scan$/);
      return nodes.reduce(
        (sum, node) =>
          sum +
          node['Actual Loops'] * (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)),
        0,
      );
    };
    const few = await readFor(2000);
    await client.query('delete from job');
    const many = await readFor(20_000);
    assert.ok(many <= few + 20, `${many} rows for 20,000 jobs, ${few} for 2,000`);
  });
});
