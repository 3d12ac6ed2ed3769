// Migrations on PostgreSQL: a process that is killed on the way leaves the old schema, and the next
// one does the work.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { postgresMigrations } from '../../src/store/postgres/migrate.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { makeAs, versions } from '../contract/upgrade/schemas.ts';
import { waitFor } from '../support.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

const nothing = 'nothing';

async function databaseAs(version: string): Promise<string> {
  const url = await server.database();
  if (version === nothing) return url;
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  await makeAs(db, postgresMigrations, version);
  await db.destroy();
  return url;
}

/** Returns the whole schema and the recorded migrations as one text. */
async function schemaOf(url: string): Promise<string> {
  const columns = await server.query(
    `select table_name, column_name, data_type from information_schema.columns
      where table_schema = 'public' order by 1, 2`,
    url,
  );
  const indexes = await server.query(
    `select indexname from pg_indexes where schemaname = 'public' order by 1`,
    url,
  );
  const hasMade = columns.some(({ table_name: name }) => name === 'kysely_migration');
  const made = hasMade
    ? await server.query('select name from kysely_migration order by name', url)
    : [];
  return JSON.stringify([columns, indexes, made]);
}

const script = `
  import { openPostgres } from ${JSON.stringify(new URL('../../src/store/postgres/open.ts', import.meta.url).href)};
  const [url, at] = process.argv.slice(1);
  let count = 0;
  const onQuery = () => ++count === Number(at) && process.kill(process.pid, 'SIGKILL');
  const store = await openPostgres({ url, onQuery });
  await store.close();`;

/**
 * Opens a store in a process that kills itself after a statement; resolves to its exit status, null
 * when it was killed.
 */
const openedAlone = (url: string, killAt: number) =>
  new Promise<number | null>((resolve) => {
    const args = ['--input-type=module-typescript', '-e', script, url, String(killAt)];
    spawn(process.execPath, args, { stdio: 'inherit' }).once('close', resolve);
  });

/** Waits until PostgreSQL has noticed that the connections of a dead process ended. */
const forgotten = (url: string) =>
  waitFor('its connections have ended', async () => {
    const name = new URL(url).pathname.slice(1);
    const others = `select 1 from pg_stat_activity where datname = '${name}'`;
    return (await server.query(others)).length === 0;
  });

/** Opens a store. Resolves to the number of statements that this took. */
async function migrated(url: string): Promise<number> {
  let statements = 0;
  const store = await openPostgres({ url, onQuery: () => void statements++ });
  await store.check();
  await store.close();
  return statements;
}

describe('a migration that is killed', () => {
  for (const version of [nothing, versions[2] ?? nothing])
    it(`leaves the old schema or the new one, from ${version}, and is done by the next`, async (t) => {
      const url = await databaseAs(version);
      const before = await schemaOf(url);
      const whole = await server.copy(url);
      const statements = await migrated(whole);
      const after = await schemaOf(whole);
      const seen = new Set<string>();
      for (const part of [0, 0.3, 0.6, 0.8, 0.95]) {
        const at = Math.max(3, Math.floor(statements * part));
        // A kill after the migration has committed leaves nothing to be killed at.
        if (seen.has(after)) break;
        assert.equal(await openedAlone(url, at), null, `statement ${at} is not its last`);
        await forgotten(url);
        const left = await schemaOf(url);
        assert.ok([before, after].includes(left), `after statement ${at} it is neither`);
        seen.add(left);
      }
      assert.ok(seen.has(before), 'it was killed before its end');
      await migrated(url);
      assert.equal(await schemaOf(url), after);
      t.diagnostic(`${statements} statements`);
    });
});
