// Which schema a store has, and how it is brought up to date: in one transaction, so that a process that dies on the way leaves the old
// schema or the new one, and of two processes that come at once the second finds the work done.

import type { DatabaseSync } from 'node:sqlite';
import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { AppError } from '../../domain/error.ts';
import { migrations } from '../migrations.ts';
import type { Database } from '../schema.ts';

export type Migrations = Record<string, Migration>;
/** `older`: a migration is to be made yet. `newer`: one was made that this program does not have. */
export type Standing = 'current' | 'older' | 'newer';

export const sqliteMigrations: Migrations = migrations('integer primary key autoincrement');

/** Reads, and changes nothing. */
export function standingOf(database: DatabaseSync, known: Migrations): Standing {
  const table = database.prepare("select 1 from sqlite_master where name = 'kysely_migration'").get();
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

/** Idempotent. Throws `unavailable`, with the store as it was. */
export async function migrate(db: Kysely<Database>, known: Migrations, dataDir: string): Promise<void> {
  const provider = { getMigrations: async () => known };
  try {
    await db.transaction().execute(async (transaction) => {
      const { error } = await new Migrator({ db: transaction, provider }).migrateToLatest();
      if (error) throw error;
    });
  } catch (error) {
    throw new AppError(
      'unavailable',
      `The store in ${dataDir} cannot be brought up to date, and is as it was: ${String(error)}`,
      { cause: error },
    );
  }
}
