// The embedded store: one SQLite file in WAL mode. Every acknowledged write is durable (synchronous=FULL). One connection writes,
// another reads, so that a page is not kept waiting by a transaction.

import type { DatabaseSync } from 'node:sqlite';
import { CamelCasePlugin, Kysely, sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { Store } from '../port.ts';
import type { Database } from '../schema.ts';
import { bindWork } from '../work.ts';
import { assertUndamaged, openDatabase, resultCodeOf, resultCodes, storeFile } from './database.ts';
import { sqliteDialect } from './dialect.ts';
import { type Migrations, migrate, newerThanThis, sqliteMigrations, standingOf } from './migrate.ts';

export interface SqliteOptions {
  dataDir: string;
  now: () => number;
  /** Looks at every page first, and throws `unavailable` when one is damaged. Takes about a second per GB. */
  check?: boolean;
  /** The schema's history; another one in tests. */
  known?: Migrations;
  /** Told of every statement that is run. */
  onQuery?: (sql: string) => void;
}

/** Opens the store in an existing folder and brings its schema up to date. Throws `unavailable` with what to do. */
export async function openSqlite({
  dataDir,
  now,
  check = false,
  onQuery,
  known = sqliteMigrations,
}: SqliteOptions): Promise<Store> {
  const connect = (database: DatabaseSync) =>
    new Kysely<Database>({
      dialect: sqliteDialect(database),
      plugins: [new CamelCasePlugin()],
      ...(onQuery && { log: (event) => onQuery(event.query.sql) }),
    });
  const first = openDatabase(storeFile(dataDir));
  if (check) assertUndamaged(first, dataDir);
  const standing = standingOf(first, known);
  if (standing === 'newer') {
    first.close();
    throw newerThanThis(dataDir);
  }
  const writer = connect(first);
  try {
    if (standing === 'older') await migrate(writer, known, dataDir);
  } catch (error) {
    await writer.destroy();
    throw error;
  }
  // The dialect waits for its turn to write, without blocking.
  await sql`pragma busy_timeout = 0`.execute(writer);
  const reader = connect(openDatabase(storeFile(dataDir)));
  return {
    read: (scope, work) => translated(() => work(bindWork(reader, scope, now))),
    write: (scope, work) =>
      translated(() => writer.transaction().execute((transaction) => work(bindWork(transaction, scope, now)))),
    async close() {
      await reader.destroy();
      // All into the one file: statements that are still cached keep SQLite from doing it by itself.
      await sql`pragma wal_checkpoint(truncate)`.execute(writer).catch(() => {});
      await writer.destroy();
    },
  };
}

/** SQLite's errors in our terms; everything else passes. */
async function translated<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    const code = resultCodeOf(error);
    if (code === undefined) throw error;
    const detail = String(error);
    if (code === resultCodes.full)
      throw new AppError(
        'unavailable',
        'The disk of the store is full; nothing was changed. Free some space and try again.',
        { detail, retry: 'later' },
      );
    if (code === resultCodes.busy || code === resultCodes.locked)
      throw new AppError('unavailable', 'The store is busy; nothing was changed. Try again.', {
        detail,
        retry: 'later',
      });
    throw new AppError('internal', 'The store failed; nothing was changed.', { detail, cause: error });
  }
}
