// Upgrades of stores on PostgreSQL.

import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { postgresMigrations } from '../../src/store/postgres/migrate.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { makeAs } from '../contract/upgrade/schemas.ts';
import { testUpgrades } from '../contract/upgrade.ts';
import { defer } from '../support.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();
const url = await server.database();

testUpgrades('PostgreSQL', async (t, version) => {
  // Making a new database takes longer.
  await server.query('drop schema public cascade; create schema public', url);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  await makeAs(db, postgresMigrations, version);
  // Rows that were given their ids do not count for the next id.
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.columns where is_identity = 'YES'`.execute(
    db,
  );
  for (const { name } of rows)
    await sql`select setval(pg_get_serial_sequence(${name}, 'id'), greatest(max(id), 1))
      from ${sql.table(name)}`.execute(db);
  await db.destroy();
  return {
    async run(statement) {
      await server.query(statement, url);
    },
    async open(now = Date.now) {
      const store = await openPostgres({ url, now });
      defer(t, () => store.close());
      return store;
    },
  };
});
