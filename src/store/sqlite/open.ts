// The embedded store: one SQLite file in WAL mode. Every acknowledged write is durable
// (synchronous=FULL). One connection writes, another reads, so that a page is not kept waiting by a
// transaction.

import type { DatabaseSync } from 'node:sqlite';
import { CamelCasePlugin, Kysely, sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { Store } from '../port/unit-of-work.ts';
import type { Database } from '../sql/schema.ts';
import { bindReader, bindWriter } from '../sql/unit-of-work.ts';
import { assertUndamaged, openDatabase, storeFile } from './database.ts';
import { dialect } from './dialect.ts';
import { sqliteDriver } from './driver.ts';
import { translated } from './errors.ts';
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
      dialect: sqliteDriver(database),
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
    read: (scope, work) => translated(() => work(bindReader({ db: reader, scope, now, dialect }))),
    write: (scope, work) =>
      translated(() =>
        writer.transaction().execute((db) => work(bindWriter({ db, scope, now, dialect }))),
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
