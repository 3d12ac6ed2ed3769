// One server per data directory. The lock is SQLite's own exclusive lock on a file of its own: the operating system ends it with
// the process, however that ends.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../domain/error.ts';
import { resultCodeOf, resultCodes } from './database.ts';

export interface Lock {
  release(): void;
}

/** Throws `unavailable` when another process serves the directory. */
export function lockDataDir(dataDir: string): Lock {
  const database = new DatabaseSync(join(dataDir, 'lock.db'), { timeout: 0 });
  try {
    database.exec('pragma locking_mode = exclusive; begin exclusive; create table if not exists lock (pid integer)');
  } catch (error) {
    database.close();
    const code = resultCodeOf(error);
    if (code !== resultCodes.busy && code !== resultCodes.locked) throw error;
    throw new AppError(
      'unavailable',
      `Another server is running on ${dataDir}. Stop it first, or give this one another --data-dir.`,
      { detail: String(error) },
    );
  }
  return { release: () => database.close() };
}
