// The file itself: where it is, how it is opened, whether it is whole, and a copy of it as of one
// moment.

import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../domain/error.ts';
import { syncPath } from '../../lib/files.ts';
import { resultCodeOf, resultCodes, translated } from './errors.ts';

export const storeFile = (dataDir: string) => join(dataDir, 'silversmith.db');

const faultsMax = 5;
/** How long anybody waits for another process that uses the file. */
export const waitMostMs = 10_000;
const damaged = (dataDir: string, detail: string) =>
  new AppError(
    'unavailable',
    `The store in ${dataDir} is damaged, and nothing is served from it. Move the folder aside and bring a backup back: silversmith restore --from BACKUP --data-dir ${dataDir}`,
    { detail },
  );

/**
 * Opens a file, and makes it one that is read while it is written. `look` sees it before anything
 * of it is changed; what that throws closes it. Of several that open a new file at once one is
 * refused for a moment: it tries again.
 */
export async function openDatabase(
  file: string,
  look: (database: DatabaseSync) => void = () => {},
): Promise<DatabaseSync> {
  const until = performance.now() + waitMostMs;
  while (true) {
    // Not by SQLite's own waiting, which would hold up the process, and with it whoever it waits
    // for.
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

/**
 * Reads every page. Throws `unavailable`, with what to do, when one is damaged; the database is
 * then closed.
 */
export function assertUndamaged(database: DatabaseSync, dataDir: string): void {
  let said: string[];
  try {
    said = database
      .prepare(`pragma quick_check(${faultsMax})`)
      .all()
      .map((row) => String(Object.values(row)[0]));
  } catch (error) {
    // Who is kept waiting has seen no damage.
    if (resultCodeOf(error) === resultCodes.busy) throw error;
    said = [String(error)];
  }
  if (said[0] === 'ok') return;
  database.close();
  throw damaged(dataDir, said.join('; '));
}

/**
 * Writes the store as of one moment to a file, while others write to it. The file is whole and
 * durable when it is there. Throws `unavailable`.
 */
export const copyStore = (dataDir: string, target: string): Promise<void> =>
  translated(() => copy(dataDir, target));

async function copy(dataDir: string, target: string): Promise<void> {
  const part = `${target}.part`;
  await rm(part, { force: true });
  await writeFile(part, '', { mode: 0o600 });
  const source = await openDatabase(storeFile(dataDir));
  try {
    // All pages in one step: a writer in between would make it begin anew.
    await backup(source, part, { rate: 2 ** 31 - 1 });
  } finally {
    source.close();
  }
  const copied = new DatabaseSync(part);
  try {
    assertUndamaged(copied, dataDir);
    // One file, without the write-ahead log beside it.
    copied.exec('pragma journal_mode = delete');
  } finally {
    if (copied.isOpen) copied.close();
  }
  await syncPath(part);
  await rename(part, target);
  await syncPath(dirname(target));
}
