// The lock that lets one server at a time use a data directory. It is SQLite's exclusive lock on a
// file of its own, which the operating system releases when the process ends, however it ends. A
// process that migrates the store holds it too, so that the schema never changes below a server.

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

/** Null when another process has the lock. Throws `unavailable` when the file cannot be used. */
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
 * Makes the file private, because a user who can open it can keep the server from starting. It does
 * not open a file that exists: closing it again would end a lock that this process has on it.
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

/** Like `lockDataDir`, but first waits for a command that has the lock for a short time. */
export async function waitToLockDataDir(dataDir: string, waitMostMs: number): Promise<Lock> {
  const until = performance.now() + waitMostMs;
  while (performance.now() < until) {
    const lock = tryLockDataDir(dataDir);
    if (lock) return lock;
    await sleep(againMs);
  }
  return lockDataDir(dataDir);
}
