// PostgreSQL's side of a copy between databases: one transaction that no server and no other writer
// disturbs, and the counters of ids.

import { CamelCasePlugin, Kysely, PostgresDialect, sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { Side, Table } from '../sql/copy.ts';
import type { Database } from '../sql/schema.ts';
import { dialect, withoutNul } from './dialect.ts';
import { isConnectionLost, translated } from './errors.ts';
import { ensureCurrent, newerThanThis, postgresMigrations, standingOf } from './migrate.ts';
import { openPool } from './pool.ts';
import { lockAlone } from './serving.ts';

/** How long a copy waits for writers that began before it. */
const lockMostMs = 5000;

/** Names the database of a URL, without the user and the password. */
export function databaseName(url: string): string {
  const { host, pathname } = new URL(url);
  return `PostgreSQL at ${host}${decodeURIComponent(pathname)}`;
}

/**
 * Runs work with a database, in a transaction that is undone when the work throws. The tables of a
 * new database are made before it, and stay. Throws `unavailable` while a server runs on it, and
 * when it has an older or a newer schema than this program.
 */
export const withPostgresSide = <Result>(
  url: string,
  tables: readonly Table[],
  work: (side: Side) => Promise<Result>,
): Promise<Result> =>
  translated(() =>
    withDatabase(url, async (db, plain) => {
      const name = databaseName(url);
      await assertNotOlder(db, name);
      await ensureCurrent(db, postgresMigrations);
      let isWorkDone = false;
      try {
        return await plain.transaction().execute(async (transaction) => {
          await lockAlone(transaction, name);
          await keepOthersOut(transaction, tables);
          const result = await work(sideOf(transaction, name));
          isWorkDone = true;
          return result;
        });
      } catch (error) {
        throw isWorkDone && isConnectionLost(error) ? inDoubt(name, error) : error;
      }
    }),
  );

const inDoubt = (name: string, cause: unknown) =>
  new AppError(
    'unavailable',
    `The connection to ${name} broke when the copy was complete and was being committed, so it is there as a whole or not at all. Type this again: when the database has rows then, the copy is there.`,
    { cause },
  );

/**
 * Throws not-found when a database has no store, and `unavailable` when its store is of an older or
 * a newer version, which opening it would change or refuse.
 */
export const assertPostgresStore = (url: string): Promise<void> =>
  translated(() =>
    withDatabase(url, async (db) => {
      await assertNotOlder(db, databaseName(url));
      const standing = await standingOf(db, postgresMigrations);
      if (standing === 'newer') throw newerThanThis();
      if (standing === 'current') return;
      throw new AppError(
        'not_found',
        `${databaseName(url)} has no store. Give the one that a server has used.`,
      );
    }),
  );

/** `plain` takes names as they are in SQL. */
async function withDatabase<Result>(
  url: string,
  work: (db: Kysely<Database>, plain: Kysely<unknown>) => Promise<Result>,
): Promise<Result> {
  const pool = openPool(url);
  const postgres = new PostgresDialect({ pool });
  const db = new Kysely<Database>({ dialect: postgres, plugins: [new CamelCasePlugin()] });
  try {
    return await work(db, new Kysely<unknown>({ dialect: postgres }));
  } finally {
    await pool.end();
  }
}

/** A database without any table of ours is new, and neither older nor newer. */
async function assertNotOlder(db: Kysely<Database>, name: string): Promise<void> {
  if ((await standingOf(db, postgresMigrations)) !== 'older' || (await isNew(db))) return;
  throw new AppError(
    'unavailable',
    `${name} was written by an older Silversmith. Start a server of this version on it once, which brings it up to date, and type this again.`,
  );
}

async function isNew(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql`select 1 from information_schema.tables
    where table_schema = current_schema() and table_name = 'kysely_migration'`.execute(db);
  return rows.length === 0;
}

/** Others may read meanwhile. */
async function keepOthersOut(db: Kysely<unknown>, tables: readonly Table[]): Promise<void> {
  for (const [setting, value] of [
    ['lock_timeout', lockMostMs],
    ['statement_timeout', 0],
    ['idle_in_transaction_session_timeout', 0],
  ] as const)
    await sql`set local ${sql.raw(`${setting} = ${value}`)}`.execute(db);
  const names = sql.join(tables.map(({ name }) => sql.table(name)));
  await sql`lock table ${names} in exclusive mode`.execute(db);
}

const sideOf = (db: Kysely<unknown>, name: string): Side => ({
  db,
  dialect,
  name,
  kept: withoutNul,
  async columns() {
    const { rows } = await sql<{ name: string; columns: string }>`
      select table_name as name, string_agg(column_name, ',' order by column_name collate "C") as columns
      from information_schema.columns where table_schema = current_schema()
        and table_name not like 'kysely%' group by table_name`.execute(db);
    return new Map(rows.map(({ name, columns }) => [name, columns.split(',')] as const));
  },
  async lastIds() {
    const { rows } = await sql<{ name: string; last: number }>`
      select counting.table_name as name, last_value as last
      from information_schema.columns counting join pg_sequences on
        format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence(
          format('%I.%I', table_schema, table_name), column_name)
      where table_schema = current_schema() and is_identity = 'YES'
        and last_value is not null`.execute(db);
    return new Map(rows.map(({ name, last }) => [name, last] as const));
  },
  async setLastIds(ids) {
    for (const [table, last] of ids)
      await sql`select setval(pg_get_serial_sequence(${table}, 'id'), ${last})`.execute(db);
  },
});
