// The embedded store: one SQLite file in WAL mode. Every acknowledged write is durable (synchronous=FULL). One connection writes,
// another reads, so that a page is not kept waiting by a transaction.

import { CamelCasePlugin, Kysely, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { AppError } from '../../domain/error.ts';
import { migrations } from '../migrations.ts';
import type { Store } from '../port.ts';
import type { Database } from '../schema.ts';
import { bindWork } from '../work.ts';
import { assertUndamaged, openDatabase, resultCodeOf, resultCodes, storeFile } from './database.ts';
import { sqliteDialect } from './dialect.ts';

export interface SqliteOptions {
  dataDir: string;
  now: () => number;
  /** Looks at every page first, and throws `unavailable` when one is damaged. Takes about a second per GB. */
  check?: boolean;
  /** Told of every statement that is run. */
  onQuery?: (sql: string) => void;
}

/** Opens the store in an existing folder and brings its schema up to date. Throws `unavailable` with what to do. */
export async function openSqlite({ dataDir, now, check = false, onQuery }: SqliteOptions): Promise<Store> {
  const connect = (checked: boolean) => {
    const database = openDatabase(storeFile(dataDir));
    if (checked) assertUndamaged(database, dataDir);
    return new Kysely<Database>({
      dialect: sqliteDialect(database),
      plugins: [new CamelCasePlugin()],
      ...(onQuery && { log: (event) => onQuery(event.query.sql) }),
    });
  };
  const writer = connect(check);
  const migrator = new Migrator({
    db: writer,
    provider: { getMigrations: async () => migrations('integer primary key autoincrement') },
  });
  const { error } = await migrator.migrateToLatest();
  if (error) {
    await writer.destroy();
    // Kysely's words for a migration that is recorded and not in this program's list.
    const newer = /corrupted migrations/.test(String(error));
    throw new AppError(
      'unavailable',
      newer
        ? `The store in ${dataDir} was written by a newer Silversmith; use that one, or restore a backup made before it.`
        : `The store in ${dataDir} cannot be brought up to date: ${String(error)}`,
      { cause: error },
    );
  }
  // The dialect waits for its turn to write, without blocking.
  await sql`pragma busy_timeout = 0`.execute(writer);
  const reader = connect(false);
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
