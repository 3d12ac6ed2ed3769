// The store on SQLite: one file in WAL mode. Every acknowledged write is durable
// (synchronous=FULL). One connection writes and another reads, so that reads do not wait for a
// transaction.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Dialect, Kysely, sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { Store } from '../port/unit-of-work.ts';
import { EventWake } from '../sql/event-wake.ts';
import { ListPlaces } from '../sql/list-places.ts';
import { NameSearches } from '../sql/name-search.ts';
import { names } from '../sql/names.ts';
import type { Database } from '../sql/schema.ts';
import { bindReader, bindWriter } from '../sql/unit-of-work.ts';
import { assertUndamaged, openDatabase, reserveRoom, storeFile } from './database.ts';
import { dialect } from './dialect.ts';
import { sqliteDriver } from './driver.ts';
import { translated } from './errors.ts';
import { publishOnce } from './events.ts';
import { GroupCommit } from './group.ts';
import {
  ensureCurrent,
  type Migrations,
  newerThanThis,
  sqliteMigrations,
  standingOf,
} from './migrate.ts';
import { surveyDialect } from './survey.ts';

/** A survey of a smaller store holds the event loop for some milliseconds. */
const smallBytes = 12 * 1024 ** 2;

/**
 * The longest wait for another process that migrates the store, unless an option says otherwise.
 */
const othersMostMs = 3000;

interface SqliteOptions {
  dataDir: string;
  now: () => number;
  /** Checks every page for damage first, which takes about a second per GB. */
  check?: boolean;
  /** Whether this process has the directory's lock, or no other process can know the directory. */
  locked?: boolean;
  /** How long to wait for another process that migrates the store. */
  waitMostMs?: number;
  /** The migrations; tests give others. */
  known?: Migrations;
  /** A store below so many bytes is surveyed in the thread of its caller, which is sooner done. */
  surveyBytesMin?: number;
  /** Called with the text, the parameters and the time of every statement that is run. */
  onQuery?: (sql: string, parameters: readonly unknown[], tookMs: number) => void;
}

/**
 * Opens the store in an existing folder, and makes a new one when there is none. An older store is
 * migrated, unless a server runs on it. Throws an `unavailable` that says what to do, with the
 * store as it was: when it is damaged, newer than this program, or served by an older one.
 */
export const openSqlite = (options: SqliteOptions): Promise<Store> =>
  translated(() => open(options));

/** The connections to the store: one that writes, and those that read. */
async function connections(options: SqliteOptions) {
  const { dataDir, check = false, locked = false, onQuery, known = sqliteMigrations } = options;
  const connect = (to: Dialect) =>
    new Kysely<Database>({
      dialect: to,
      plugins: [names],
      ...(onQuery && {
        log: ({ query, queryDurationMillis: tookMs }) =>
          onQuery(query.sql, query.parameters, tookMs),
      }),
    });
  const first = await openDatabase(storeFile(dataDir), (database) => {
    if (check) assertUndamaged(database, dataDir);
    if (standingOf(database, known) === 'newer') throw newerThanThis(dataDir);
  });
  // The driver waits for the write lock itself, without blocking.
  first.exec('pragma busy_timeout = 0');
  const writer = connect(sqliteDriver(first));
  try {
    const { waitMostMs = othersMostMs } = options;
    await ensureCurrent(writer, () => standingOf(first, known), {
      dataDir,
      known,
      locked,
      waitMostMs,
    });
    if (locked) reserveRoom(first);
    const second = await openDatabase(storeFile(dataDir));
    const surveyor = connect(surveyDialect(storeFile(dataDir)));
    return { writer, reader: connect(sqliteDriver(second)), second, surveyor };
  } catch (error) {
    await writer.destroy();
    throw error;
  }
}

async function open(options: SqliteOptions): Promise<Store> {
  const { now, known = sqliteMigrations, surveyBytesMin = smallBytes } = options;
  const { writer, reader, second, surveyor } = await connections(options);
  const groups = new GroupCommit(writer);
  const searches = new NameSearches();
  const places = new ListPlaces();
  const version = new Version(second);
  const events = new EventWake();
  const publish = publishOnce(groups);
  const read: Store['read'] = (scope, work) =>
    translated(() => work(bindReader({ db: reader, scope, now, dialect, searches, places })));
  const size = second.prepare(
    'select page_count * page_size as bytes from pragma_page_count, pragma_page_size',
  );
  return {
    read,
    survey: (scope, work) =>
      translated(async () =>
        Number(size.get()?.bytes) < surveyBytesMin
          ? read(scope, work)
          : work(bindReader({ db: surveyor, scope, now, dialect })),
      ),
    write: (scope, work) =>
      translated(async () => {
        const result = await events.around((ofRun) =>
          groups.write((db) => work(bindWriter({ db, scope, now, dialect, wroteEvents: ofRun() }))),
        );
        version.forget();
        return result;
      }),
    version: () => version.now(),
    // One server at a time owns a data directory.
    signatures: null,
    reruns: () => groups.reruns,
    nudgeOthers() {},
    onNudge() {},
    // Transactions run one at a time, so ids come in the order of the commits. A store that was
    // copied from PostgreSQL may have events that nobody had published there.
    publishEvents: () => translated(publish),
    onEvents: (wake) => events.listen(wake),
    eventsWritten: () => events.written,
    check: () =>
      translated(async () => {
        if (standingOf(second, known) !== 'current') throw changedByAnother();
      }),
    async close() {
      await groups.idle();
      await surveyor.destroy();
      await reader.destroy();
      // Move the write-ahead log into the file. SQLite does not do it by itself while statements
      // are cached.
      await sql`pragma wal_checkpoint(truncate)`.execute(writer).catch(() => {});
      await writer.destroy();
    },
  };
}

/** The version of the store: SQLite counts the commits of all other connections and processes. */
class Version {
  readonly #asked: StatementSync;
  /**
   * As it was asked in this callback of the event loop, with the promises that it settles; null
   * before, and after a write. It is not kept until the loop's next phase, in which a request may
   * arrive that was sent after another process had committed.
   */
  #known: number | null = null;

  constructor(reader: DatabaseSync) {
    this.#asked = reader.prepare('pragma data_version');
  }

  now(): number | null {
    if (this.#known !== null) return this.#known;
    try {
      this.#known = Number(this.#asked.get()?.data_version);
    } catch {
      // The next statement fails as well, and says why.
      return null;
    }
    process.nextTick(() => this.forget());
    return this.#known;
  }

  forget(): void {
    this.#known = null;
  }
}

const changedByAnother = () =>
  new AppError(
    'unavailable',
    'The store was changed by another version of Silversmith. Stop this server and start that version, or restore a backup made before it.',
  );
