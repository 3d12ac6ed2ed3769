// The embedded store: one SQLite file in WAL mode. Every acknowledged write is durable
// (synchronous=FULL). One connection writes, another reads, so that a page is not kept waiting by a
// transaction.

import type { DatabaseSync } from 'node:sqlite';
import { CamelCasePlugin, Kysely, sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { Store } from '../port.ts';
import type { Database } from '../sql/schema.ts';
import { bindWork } from '../sql/unit-of-work.ts';
import { assertUndamaged, openDatabase, resultCodeOf, resultCodes, storeFile } from './database.ts';
import { sqliteDialect } from './dialect.ts';
import {
  ensureCurrent,
  type Migrations,
  newerThanThis,
  sqliteMigrations,
  standingOf,
} from './migrate.ts';

/** How long to wait for another process that brings the store up to date. */
const othersMostMs = 3000;

export interface SqliteOptions {
  dataDir: string;
  now: () => number;
  /**
   * Looks at every page first, and throws `unavailable` when one is damaged. Takes about a second
   * per GB.
   */
  check?: boolean;
  /** Whether this process has the directory's lock, or a directory that nobody else knows. */
  locked?: boolean;
  /** How long to wait for another process that brings the store up to date. */
  waitMostMs?: number;
  /** The schema's history; another one in tests. */
  known?: Migrations;
  /** Told of every statement that is run. */
  onQuery?: (sql: string) => void;
}

/**
 * Opens the store in an existing folder. An older one is brought up to date when no server is
 * running on it. Throws `unavailable` with what to do, and with the store as it was.
 */
export const openSqlite = (options: SqliteOptions): Promise<Store> =>
  translated(() => open(options));

async function open(options: SqliteOptions): Promise<Store> {
  const {
    dataDir,
    now,
    check = false,
    locked = false,
    onQuery,
    known = sqliteMigrations,
  } = options;
  const connect = (database: DatabaseSync) =>
    new Kysely<Database>({
      dialect: sqliteDialect(database),
      plugins: [new CamelCasePlugin()],
      ...(onQuery && { log: (event) => onQuery(event.query.sql) }),
    });
  const first = await openDatabase(storeFile(dataDir), (database) => {
    if (check) assertUndamaged(database, dataDir);
    if (standingOf(database, known) === 'newer') throw newerThanThis(dataDir);
  });
  // The dialect waits for its turn to write, without blocking.
  first.exec('pragma busy_timeout = 0');
  const writer = connect(first);
  let second: DatabaseSync;
  try {
    const { waitMostMs = othersMostMs } = options;
    await ensureCurrent(writer, () => standingOf(first, known), {
      dataDir,
      known,
      locked,
      waitMostMs,
    });
    second = await openDatabase(storeFile(dataDir));
  } catch (error) {
    await writer.destroy();
    throw error;
  }
  const reader = connect(second);
  return {
    read: (scope, work) => translated(() => work(bindWork(reader, scope, now))),
    write: (scope, work) =>
      translated(() =>
        writer.transaction().execute((transaction) => work(bindWork(transaction, scope, now))),
      ),
    check: () =>
      translated(async () => {
        if (standingOf(second, known) !== 'current') throw changedByAnother();
      }),
    async close() {
      await reader.destroy();
      // All into the one file: statements that are still cached keep SQLite from doing it by
      // itself.
      await sql`pragma wal_checkpoint(truncate)`.execute(writer).catch(() => {});
      await writer.destroy();
    },
  };
}

const changedByAnother = () =>
  new AppError(
    'unavailable',
    'The store was changed by another version of Silversmith. Stop this server and start that version, or restore a backup made before it.',
  );

const damagedOrFailing =
  'The store cannot be read: its disk fails, or it is damaged. Nothing was changed. Look at the disk, and start the server again, which reads all of it.';

/**
 * What may pass, or somebody can mend, without a change of the request. Of a failing disk nobody
 * knows what it wrote; what is read from one can look damaged.
 */
const passing: Record<number, string> = {
  [resultCodes.busy]: 'The store is busy; nothing was changed. Try again.',
  [resultCodes.locked]: 'The store is busy; nothing was changed. Try again.',
  [resultCodes.lockingProtocol]: 'The store is busy; nothing was changed. Try again.',
  [resultCodes.interrupted]: 'The store was interrupted; nothing was changed. Try again.',
  [resultCodes.noMemory]: 'The host has no memory left; nothing was changed. Try again later.',
  [resultCodes.full]:
    'The disk of the store is full; nothing was changed. Free some space and try again.',
  [resultCodes.readOnly]:
    'The store cannot be written; nothing was changed. Make its disk writable and try again.',
  [resultCodes.cannotOpen]:
    'The files of the store cannot be opened; nothing was changed. Try again later.',
  [resultCodes.corrupt]: damagedOrFailing,
  [resultCodes.notADatabase]: damagedOrFailing,
  [resultCodes.ioError]:
    'The disk of the store failed, so this is not acknowledged. Look at the disk, and try again.',
};

/** SQLite's errors in our terms; everything else passes. */
async function translated<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    const code = resultCodeOf(error);
    if (code === undefined) throw error;
    const detail = String(error);
    const message = passing[code];
    if (message !== undefined)
      throw new AppError('unavailable', message, { detail, cause: error, retry: 'later' });
    throw new AppError('internal', 'The store failed; nothing was changed.', {
      detail,
      cause: error,
    });
  }
}
