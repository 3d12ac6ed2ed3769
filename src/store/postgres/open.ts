// The store on PostgreSQL, for any number of servers. Each write is a serialisable transaction,
// which is run again after a conflict with another one. Every acknowledged write is durable
// (synchronous_commit is the database's own setting).

import { setTimeout as sleep } from 'node:timers/promises';
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely';
import { AppError } from '../../domain/error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { SharedSignatures } from '../port/signature.ts';
import type { Store } from '../port/unit-of-work.ts';
import type { Database, Db } from '../sql/schema.ts';
import { bindReader, bindWriter } from '../sql/unit-of-work.ts';
import { followDatabase } from './clock.ts';
import { dialect } from './dialect.ts';
import { isBroken, isConflict, isConnectionLost, isStalePlan, translated } from './errors.ts';
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
  /** The migrations; tests give others. */
  known?: Migrations;
  /** Those of them beside which a server that does not know them may go on. */
  additions?: readonly string[];
  /** Called with the text of every statement that is run. */
  onQuery?: (sql: string) => void;
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
  const pool = openPool(url);
  const db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
    ...(onQuery && { log: (event) => onQuery(event.query.sql) }),
  });
  try {
    await ensureCurrent(db, known, options.additions);
    const followed = await followDatabase(pool);
    const { now = followed.now } = options;
    const nudges = new Nudges(pool, () => openClient(url));
    const { requestsPerSecond = 0 } = options;
    const signatures = new PostgresSignatures(pool, { now, requestsPerSecond });
    await signatures.begin();
    return {
      signatures: translatedUse(signatures),
      clock: { ...followed, now },
      read: (scope, work) =>
        translated(() => {
          const run = () => work(bindReader({ db, scope, now, dialect }));
          return run().catch((error) => {
            if (!isStalePlan(error)) throw error;
            return run();
          });
        }),
      write: (scope, work) =>
        translated(() =>
          inTransaction(db, (transaction) =>
            work(bindWriter({ db: transaction, scope, now, dialect })),
          ),
        ),
      check: () =>
        translated(async () => {
          if ((await standingOf(db, known)) !== 'current') throw changedByAnother();
        }),
      nudgeOthers: () => nudges.send(),
      onNudge: (wake) => nudges.listen(wake),
      async close() {
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

/**
 * Runs work in a serialisable transaction, and again after a conflict, until it is committed or its
 * time is over.
 */
async function inTransaction<Result>(
  db: Kysely<Database>,
  work: (transaction: Db) => Promise<Result>,
): Promise<Result> {
  const until = performance.now() + conflictMostMs;
  for (let run = 1; ; run++) {
    let isWorkDone = false;
    try {
      return await db
        .transaction()
        .setIsolationLevel('serializable')
        .execute(async (transaction) => {
          const result = await work(transaction);
          isWorkDone = true;
          return result;
        });
    } catch (error) {
      if (isWorkDone && isConnectionLost(error)) throw inDoubt(error);
      const mayRun =
        (isConflict(error) && (run < conflictRunsMin || performance.now() < until)) ||
        (isBroken(error) && run < brokenRunsMax);
      if (!mayRun) throw error;
    }
    await sleep(Math.random() * Math.min(2 ** run, waitMostMs));
  }
}

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
