// SQLite stores of each earlier version.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { sqliteDriver } from '../../src/store/sqlite/driver.ts';
import { sqliteMigrations } from '../../src/store/sqlite/migrate.ts';
import { addRows, migrateTo, versions } from '../contract/upgrade/schemas.ts';

/** The stores of versions without rows, since each version is made from the one before it. */
const empty = new Map<string, Promise<Buffer>>();

function emptyAs(version: string): Promise<Buffer> {
  const made = empty.get(version) ?? makeEmpty(version);
  empty.set(version, made);
  return made;
}

async function makeEmpty(version: string): Promise<Buffer> {
  const before = versions[versions.indexOf(version) - 1];
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
  try {
    if (before !== undefined) await writeFile(storeFile(folder), await emptyAs(before));
    await withStore(folder, (db) => migrateTo(db, sqliteMigrations, version));
    return await readFile(storeFile(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function withStore(dataDir: string, work: (db: Kysely<unknown>) => Promise<void>) {
  const db = new Kysely<unknown>({
    dialect: sqliteDriver(new DatabaseSync(storeFile(dataDir))),
  });
  await work(db).finally(() => db.destroy());
}

/** Makes the store of a version in a folder, with the rows that its schema can hold. */
export async function storeOf(dataDir: string, version: string): Promise<void> {
  await writeFile(storeFile(dataDir), await emptyAs(version));
  await withStore(dataDir, (db) => addRows(db, version));
}
