// SQLite stores of each earlier version.

import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { sqliteDriver } from '../../src/store/sqlite/driver.ts';
import { sqliteMigrations } from '../../src/store/sqlite/migrate.ts';
import { makeAs } from '../contract/upgrade/schemas.ts';

/** Makes the store of a version in a folder, with the rows that its schema can hold. */
export async function storeOf(dataDir: string, version: string): Promise<void> {
  const database = new DatabaseSync(storeFile(dataDir));
  const db = new Kysely<unknown>({ dialect: sqliteDriver(database) });
  await makeAs(db, sqliteMigrations, version);
  await db.destroy();
}
