// The store on PostgreSQL, for any number of servers. Each write is a serialisable transaction,
// which is run again after a conflict with another one. Every acknowledged write is durable
// (synchronous_commit is the database's own setting).

import { setTimeout as sleep } from 'node:timers/promises';
import { CamelCasePlugin, Kysely, PostgresDialect, sql } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { Clock } from '../../lib/clock.ts';
import { Turns } from '../../lib/turns.ts';
import type { SharedSignatures } from '../port/signature.ts';
import type { Scope, Store } from '../port/unit-of-work.ts';
import { EventWake } from '../sql/event-wake.ts';
import type { Database, Db } from '../sql/schema.ts';
import { bindReader, bindWriter } from '../sql/unit-of-work.ts';
import { followDatabase } from './clock.ts';
import { dialect } from './dialect.ts';
import { isBroken, isConflict, isConnectionLost, isStalePlan, translated } from './errors.ts';
import { publishEvents } from './events.ts';
import { ensureCurrent, type Migrations, postgresMigrations, standingOf } from './migrate.ts';
import { Nudges } from './nudges.ts';
import { openClient, openPool } from './pool.ts';
import { PostgresSignatures } from './signatures.ts';

/** A write that meets conflicts is run again for this long, and at least so often. */
const conflictMostMs = 10_000;
const conflictRunsMin = 20;
/** A rule of the schema that is broken because of a conflict holds in the next run. */
const brokenRunsMax = 3;
const waitMostMs = 100;

interface PostgresOptions {
  /** `postgres://USER[:PASSWORD]@HOST:PORT/DATABASE?…`, as node-postgres reads it. */
  url: string;
  /** The clock of rows and leases; the database's own when none is given. */
  now?: () => number;
  /** The lasting rate at which one key may send requests to all servers; 0: no limit. */
  requestsPerSecond?: number;
  /** The longest that a statement may run. */
  statementMostMs?: number;
  /** The migrations; tests give others. */
  known?: Migrations;
  /** Those of them beside which a server that does not know them may go on. */
  additions?: readonly string[];
  /** Called with the text, the parameters and the time of every statement that is run. */
  onQuery?: (sql: string, parameters: readonly unknown[], tookMs: number) => void;
}

interface PostgresStore extends Store {
  /** The clock of the database, or of the option `now`. */
  readonly clock: Clock;
}

/**
 * Opens the store, and makes its tables when there are none. An older schema is migrated. Throws an
 * `unavailable` that says what to do, with the database as it was.
 */
export const openPostgres = (options: PostgresOptions): Promise<PostgresStore> =>
  translated(() => open(options));

async function open(options: PostgresOptions): Promise<PostgresStore> {
  const { url, known = postgresMigrations, onQuery } = options;
  const pool = openPool(url, options.statementMostMs);
  const db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
    ...(onQuery && {
      log: ({ query, queryDurationMillis: tookMs }) => onQuery(query.sql, query.parameters, tookMs),
    }),
  });
  try {
    await ensureCurrent(db, known, options.additions);
    const followed = await followDatabase(pool);
    const { now = followed.now } = options;
    const nudges = new Nudges(pool, () => openClient(url));
    const turns = new Turns();
    const events = new EventWake();
    let reruns = 0;
    const onRerun = () => void reruns++;
    const { requestsPerSecond = 0 } = options;
    const signatures = new PostgresSignatures(pool, { now, requestsPerSecond });
    await signatures.begin();
    const read: Store['read'] = (scope, work) =>
      translated(() => {
        const run = () => work(bindReader({ db, scope, now, dialect }));
        return run().catch((error) => {
          if (!isStalePlan(error)) throw error;
          return run();
        });
      });
    return {
      signatures: translatedUse(signatures),
      clock: { ...followed, now },
      read,
      // The statements run in the database.
      survey: read,
      write: (scope, work) =>
        translated(() =>
          events.around(
            (ofRun) =>
              inTransaction({ db, turns, onRerun }, scope, (transaction) =>
                work(bindWriter({ db: transaction, scope, now, dialect, wroteEvents: ofRun() })),
              ),
            () => nudges.send('silversmith_events'),
          ),
        ),
      publishEvents: () => translated(() => publishEvents(db)),
      onEvents(listener) {
        nudges.listen('silversmith_events', () => events.wake());
        return events.listen(listener);
      },
      eventsWritten: () => events.written,
      check: () =>
        translated(async () => {
          if ((await standingOf(db, known)) !== 'current') throw changedByAnother();
        }),
      version: () => null,
      reruns: () => reruns,
      nudgeOthers: () => nudges.send('silversmith_jobs'),
      onNudge: (listener) => nudges.listen('silversmith_jobs', listener),
      async close() {
        signatures.end();
        await nudges.close();
        followed.stop();
        await db.destroy();
      },
    };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

const translatedUse = (signatures: PostgresSignatures): SharedSignatures => ({
  has: (signature) => signatures.has(signature),
  use: (request) => translated(() => signatures.use(request)),
  refuse: (request) => signatures.refuse(request),
});

/** The advisory lock of a transaction that is run again. */
const againLock = 7_521_338_906;

/**
 * Runs work in a serialisable transaction, and again after a conflict, until it is committed or its
 * time is over.
 *
 * Writes of one organisation conflict with each other, since they count what it has, so a server
 * runs them one after the other. What has met a conflict runs again under a lock, one transaction
 * at a time on all servers. So of many transactions in conflict one succeeds each time.
 */
async function inTransaction<Result>(
  { db, turns, onRerun }: { db: Kysely<Database>; turns: Turns; onRerun(): void },
  scope: Scope,
  work: (transaction: Db) => Promise<Result>,
): Promise<Result> {
  const until = performance.now() + conflictMostMs;
  for (let run = 1; ; run++) {
    const progress = { isWorkDone: false };
    try {
      if (run > 1) return await turns.take('again', () => alone(db, work, progress));
      const once = () => serialisable(db, work, progress);
      return await (scope === 'system' ? once() : turns.take(String(scope), once));
    } catch (error) {
      if (progress.isWorkDone && isConnectionLost(error)) throw inDoubt(error);
      const mayRun =
        (isConflict(error) && (run < conflictRunsMin || performance.now() < until)) ||
        (isBroken(error) && run < brokenRunsMax);
      if (!mayRun) throw error;
    }
    onRerun();
    await sleep(Math.random() * Math.min(2 ** run, waitMostMs));
  }
}

const serialisable = <Result>(
  db: Kysely<Database>,
  work: (transaction: Db) => Promise<Result>,
  progress: { isWorkDone: boolean },
): Promise<Result> =>
  db
    .transaction()
    .setIsolationLevel('serializable')
    .execute(async (transaction) => {
      const result = await work(transaction);
      progress.isWorkDone = true;
      return result;
    });

/**
 * Takes the lock before the transaction begins: a transaction that waits for a lock sees the rows
 * as they were before it waited, and would meet the next conflict.
 */
const alone = <Result>(
  db: Kysely<Database>,
  work: (transaction: Db) => Promise<Result>,
  progress: { isWorkDone: boolean },
): Promise<Result> =>
  db.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(${againLock})`.execute(connection);
    try {
      return await serialisable(connection, work, progress);
    } finally {
      // A connection that broke has given up the lock.
      await sql`select pg_advisory_unlock(${againLock})`.execute(connection).catch(() => {});
    }
  });

const inDoubt = (error: unknown) =>
  new AppError(
    'unavailable',
    'The connection to the database broke when this was being committed, so it may have been done or not. Look before you send it again, or send it with the same Idempotency-Key.',
    { detail: String(error), cause: error, retry: 'later' },
  );

const changedByAnother = () =>
  new AppError(
    'unavailable',
    'The database was changed by another version of Silversmith. Stop this server and start that version, or restore a backup made before it.',
  );
