// The file of the store: its place, opening it, checking it for damage, and copying it while it is
// in use.

import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../domain/error.ts';
import { statOrNull, syncPath } from '../../lib/files.ts';
import { resultCodeOf, resultCodes, translated } from './errors.ts';

export const storeFile = (dataDir: string) => join(dataDir, 'silversmith.db');

/** Whether the directory has a store with something in it. */
export async function hasStore(dataDir: string): Promise<boolean> {
  const file = storeFile(dataDir);
  for (const path of [file, `${file}-wal`])
    if (((await statOrNull(path))?.size ?? 0) > 0) return true;
  return false;
}

const faultsMax = 5;
/** The longest wait for another process that uses the file. */
export const waitMostMs = 10_000;
const damaged = (dataDir: string, detail: string) =>
  new AppError(
    'unavailable',
    `The store in ${dataDir} is damaged, and nothing is served from it. Move the folder aside and bring a backup back: silversmith restore --from BACKUP --data-dir ${dataDir}`,
    { detail },
  );

/**
 * Opens a file in WAL mode, in which others read while one writes. `look` is called before anything
 * is changed; when it throws, the file is closed. SQLite refuses one of two processes that open a
 * new file at once, so this tries again for `waitMostMs`. Throws `unavailable` when the file is
 * damaged.
 */
export async function openDatabase(
  file: string,
  look: (database: DatabaseSync) => void = () => {},
): Promise<DatabaseSync> {
  const until = performance.now() + waitMostMs;
  while (true) {
    // SQLite's own waiting is off, because it would block this process, and with it a writer in the
    // same process that it waits for.
    const database = new DatabaseSync(file, { timeout: 0 });
    try {
      look(database);
      database.exec(
        'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on',
      );
      database.exec(`pragma busy_timeout = ${waitMostMs}`);
      return database;
    } catch (error) {
      if (database.isOpen) database.close();
      const code = resultCodeOf(error);
      if (code === resultCodes.corrupt || code === resultCodes.notADatabase)
        throw damaged(dirname(file), String(error));
      if (code !== resultCodes.busy || performance.now() >= until) throw error;
    }
    await sleep(1 + Math.random() * 20);
  }
}

/** So many bytes of the disk are kept for the store: SQLite checkpoints its log at 4 MB. */
const reservedBytes = 4 * 1024 ** 2;

/**
 * Makes the file and its write-ahead log as large as some thousands of writes need, so that the
 * server goes on when a machine has filled the disk. SQLite keeps the pages of a dropped table for
 * later use. Does nothing when the disk has no room, or while another process writes.
 */
export function reserveRoom(database: DatabaseSync): void {
  try {
    database.exec(
      `begin immediate;
      create table reserve (bytes blob);
      insert into reserve values (zeroblob(${reservedBytes}));
      drop table reserve;
      commit`,
    );
  } catch (error) {
    if (database.isTransaction) database.exec('rollback');
    const code = resultCodeOf(error);
    if (code !== resultCodes.full && code !== resultCodes.busy) throw error;
  }
}

/**
 * Reads every page. When a page is damaged, closes the database and throws `unavailable` with a
 * remedy.
 */
export function assertUndamaged(database: DatabaseSync, dataDir: string): void {
  let said: string[];
  try {
    said = database
      .prepare(`pragma quick_check(${faultsMax})`)
      .all()
      .map((row) => String(Object.values(row)[0]));
  } catch (error) {
    // A database that is busy was not read, so it says nothing about damage.
    if (resultCodeOf(error) === resultCodes.busy) throw error;
    said = [String(error)];
  }
  if (said[0] === 'ok') return;
  database.close();
  throw damaged(dataDir, said.join('; '));
}

/**
 * Copies the store, as of one moment, to a file, while others write to the store. The file appears
 * under its name when it is complete and durable. Throws `unavailable`, also when the copy is
 * damaged.
 */
export const copyStore = (dataDir: string, target: string): Promise<void> =>
  translated(() => copy(dataDir, target));

async function copy(dataDir: string, target: string): Promise<void> {
  const part = `${target}.part`;
  await rm(part, { force: true });
  await writeFile(part, '', { mode: 0o600 });
  const source = await openDatabase(storeFile(dataDir));
  try {
    // Copy all pages in one step, because a write in between would make SQLite begin again.
    await backup(source, part, { rate: 2 ** 31 - 1 });
  } finally {
    source.close();
  }
  const copied = new DatabaseSync(part);
  try {
    assertUndamaged(copied, dataDir);
    // Make it a single file, without a write-ahead log beside it.
    copied.exec('pragma journal_mode = delete');
  } finally {
    if (copied.isOpen) copied.close();
  }
  await syncPath(part);
  await rename(part, target);
  await syncPath(dirname(target));
}
