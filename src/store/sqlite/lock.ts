// One server per data directory. The lock is SQLite's own exclusive lock on a file of its own: the
// operating system ends it with the process, however that ends. Who brings a store up to date has
// it meanwhile, so that nobody changes the schema below a server.

import { chmodSync, closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../domain/error.ts';
import { resultCodeOf, resultCodes } from './errors.ts';

export interface Lock {
  release(): void;
}

const againMs = 20;

/** Null when another process has it. Throws `unavailable` when the file cannot be used. */
export function tryLockDataDir(dataDir: string): Lock | null {
  const file = join(dataDir, 'lock.db');
  let database: DatabaseSync | undefined;
  try {
    keepPrivate(file);
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec(
      'pragma locking_mode = exclusive; begin exclusive; create table if not exists lock (pid integer)',
    );
  } catch (error) {
    database?.close();
    const code = resultCodeOf(error);
    if (code === resultCodes.busy || code === resultCodes.locked) return null;
    throw new AppError(
      'unavailable',
      `${file} cannot be used: ${(error as Error).message}. Make the folder writable for this user, and free some space when its disk is full.`,
      { cause: error },
    );
  }
  const locked = database;
  return { release: () => locked.close() };
}

/**
 * Whoever can open the file can keep the server from starting. It is never opened here when it is
 * there: closing it would end the lock that this process may have on it.
 */
function keepPrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  chmodSync(file, 0o600);
}

/** Throws `unavailable` when another process serves the directory. */
export function lockDataDir(dataDir: string): Lock {
  const lock = tryLockDataDir(dataDir);
  if (lock) return lock;
  throw new AppError(
    'unavailable',
    `Another server is running on ${dataDir}. Stop it first, or give this one another --data-dir.`,
  );
}

/** The same, but waits for a command that has the lock for a moment. */
export async function waitToLockDataDir(dataDir: string, waitMostMs: number): Promise<Lock> {
  const until = performance.now() + waitMostMs;
  while (performance.now() < until) {
    const lock = tryLockDataDir(dataDir);
    if (lock) return lock;
    await sleep(againMs);
  }
  return lockDataDir(dataDir);
}
