// Migration of a store to this program's schema. It is one transaction, so a process that dies on
// the way leaves the old schema or the new one; of two processes that start at once, the second
// finds the work done.

import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { AppError } from '../../domain/error.ts';
import { migrations } from '../migrations/all.ts';
import type { Database } from '../sql/schema.ts';
import { account } from './account.ts';
import { passingError, resultCodeOf, resultCodes } from './errors.ts';
import { tryLockDataDir } from './lock.ts';
import { tally } from './tally.ts';

export type Migrations = Record<string, Migration>;
const againMs = 20;

/**
 * `older`: a migration is missing. `newer`: the store has a migration that this program does not
 * know.
 */
type Standing = 'current' | 'older' | 'newer';

export const sqliteMigrations: Migrations = migrations({
  identity: 'integer primary key autoincrement',
  text: 'text',
  unlogged: '',
  searchIn: () => [],
  tally,
  account,
});

/** Compares the schema of a store with the migrations that are known. Changes nothing. */
export function standingOf(database: DatabaseSync, known: Migrations): Standing {
  const table = database
    .prepare("select 1 from sqlite_master where name = 'kysely_migration'")
    .get();
  if (table === undefined) return 'older';
  const made = new Set(
    database
      .prepare('select name from kysely_migration')
      .all()
      .map(({ name }) => String(name)),
  );
  const names = new Set(Object.keys(known));
  if (!made.isSubsetOf(names)) return 'newer';
  return made.size === names.size ? 'current' : 'older';
}

export const newerThanThis = (dataDir: string) =>
  new AppError(
    'unavailable',
    `The store in ${dataDir} was written by a newer Silversmith; use that one, or restore a backup made before it.`,
  );

/** Runs the missing migrations. Throws `unavailable`, with the store as it was. */
async function migrate(db: Kysely<Database>, known: Migrations, dataDir: string): Promise<void> {
  const provider = { getMigrations: async () => known };
  try {
    await db.transaction().execute(async (transaction) => {
      const { error } = await new Migrator({ db: transaction, provider }).migrateToLatest();
      if (error) throw error;
    });
  } catch (error) {
    const message = `The store in ${dataDir} cannot be brought up to date, and is as it was: ${String(error)}`;
    throw passingError(error) ?? new AppError('unavailable', message, { cause: error });
  }
}

interface MigrateOptions {
  dataDir: string;
  known: Migrations;
  /** Whether this process has the directory's lock already. */
  locked: boolean;
  waitMostMs: number;
}

/**
 * Migrates an older store under the directory's lock, or waits until another process has done it.
 * Idempotent. Throws `unavailable`, with the store as it was, when a server of the older version
 * runs on it, and when a newer version migrated it first.
 */
export async function ensureCurrent(
  db: Kysely<Database>,
  standing: () => Standing,
  { dataDir, known, locked, waitMostMs }: MigrateOptions,
): Promise<void> {
  const until = performance.now() + waitMostMs;
  while (true) {
    const now = standingNow(standing, performance.now() < until);
    if (now === 'newer') throw newerThanThis(dataDir);
    if (now === 'current') return;
    const lock = locked || now === null ? null : tryLockDataDir(dataDir);
    if (now !== null && (locked || lock)) {
      try {
        return await migrate(db, known, dataDir);
      } finally {
        lock?.release();
      }
    }
    if (performance.now() >= until) throw servedByOlder(dataDir);
    await sleep(againMs);
  }
}

/**
 * Null when another process has the file for itself at this moment, as the last process that closes
 * it does. Throws the error of SQLite when it may not wait.
 */
function standingNow(standing: () => Standing, mayWait: boolean): Standing | null {
  try {
    return standing();
  } catch (error) {
    if (!mayWait || resultCodeOf(error) !== resultCodes.busy) throw error;
    return null;
  }
}

const servedByOlder = (dataDir: string) =>
  new AppError(
    'unavailable',
    `The store in ${dataDir} is of an older Silversmith, and a server is running on it. Stop that server first and type this again, or use the version that is running. When no server is running, another command is bringing the store up to date: wait for it.`,
  );
