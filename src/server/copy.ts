// Copies the store of a data directory into PostgreSQL, and back. Both sides are one transaction
// each, and the target's is committed when every row has been compared, so that a copy that fails
// or is killed has changed nothing.

import { join } from 'node:path';
import { copyAction, type StoreCopied, storeCopy } from '../app/operator/store.ts';
import { AppError } from '../domain/error.ts';
import { systemClock } from '../lib/clock.ts';
import { exists, makeFolders } from '../lib/files.ts';
import type { Store } from '../store/port/unit-of-work.ts';
import { assertPostgresStore, databaseName, withPostgresSide } from '../store/postgres/copy.ts';
import { openPostgres } from '../store/postgres/open.ts';
import { copyRows, type Side, type Table } from '../store/sql/copy.ts';
import { withNewSqliteSide, withSqliteSide } from '../store/sqlite/copy.ts';
import { hasStore, storeFile } from '../store/sqlite/database.ts';
import { lockDataDir } from '../store/sqlite/lock.ts';
import { openSqlite } from '../store/sqlite/open.ts';
import { assertStoreIsThere } from './installation.ts';

interface CopyOptions {
  dataDir: string;
  /** The address of the database, with its password when it needs one here. */
  url: string;
  /** The operator's name, for the audit trail. */
  by: string;
  say(phase: 'copying' | 'comparing', rows: number, total: number): void;
  signal: AbortSignal;
}

/** The files of a data directory that belong to the store and are not in it. */
const besides: Record<string, string> = {
  'master.key': 'the key that opens the secrets in the store',
  'signing.key': 'the key that signs exports',
  'trusted.keys': 'the keys whose imports are trusted',
  'installation.json': 'the engine and the id of the installation',
  engine: 'layers, disks and the files of recipes',
  transfers: 'uploads and exports',
};

/**
 * Copies the store of a data directory into an empty database. Throws not-found without a store,
 * `unavailable` while a server runs on either, `conflict` when the database has rows.
 */
export async function copyToPostgres(options: CopyOptions): Promise<StoreCopied> {
  const { dataDir, url } = options;
  await assertStoreIsThere({ dataDir, databaseUrl: null });
  if (!(await exists(storeFile(dataDir))))
    throw new AppError(
      'not_found',
      `There is no store in ${dataDir}; give the data directory of the server with --data-dir.`,
    );
  const file = storeFile(dataDir);
  const names = {
    from: dataDir,
    to: databaseName(url),
    next: `To serve from there, move ${file} aside, and ${file}-wal and ${file}-shm where they are left, and give --database-url.`,
  };
  return withLock(dataDir, async () => {
    const store = await openSqlite({ dataDir, now: systemClock.now, check: true, locked: true });
    return asChange(store, options, names, () =>
      withSqliteSide(dataDir, (from) =>
        withPostgresSide(url, from.tables, (to) => copied(from, to, from.tables, options)),
      ),
    );
  });
}

/**
 * Copies a database into a data directory that has no store. Throws not-found for a database
 * without one, `unavailable` while a server runs on either, `conflict` when the directory has a
 * store.
 */
export async function copyFromPostgres(options: CopyOptions): Promise<StoreCopied> {
  const { dataDir, url } = options;
  await assertPostgresStore(url);
  await makeFolders(dataDir, 0o711);
  const names = {
    from: databaseName(url),
    to: dataDir,
    next: 'To serve from there, leave --database-url and SILVERSMITH_DATABASE_URL away.',
  };
  return withLock(dataDir, async () => {
    await assertNoStore(dataDir);
    const store = await openPostgres({ url });
    return asChange(store, options, names, () =>
      withNewSqliteSide(dataDir, (to) =>
        withPostgresSide(url, to.tables, (from) => copied(from, to, to.tables, options)),
      ),
    );
  });
}

async function withLock<Result>(dataDir: string, work: () => Promise<Result>): Promise<Result> {
  const lock = lockDataDir(dataDir);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

async function assertNoStore(dataDir: string): Promise<void> {
  if (!(await hasStore(dataDir))) return;
  const file = storeFile(dataDir);
  throw new AppError(
    'conflict',
    `There is a store in ${dataDir} already. Move ${file}, and ${file}-wal where there is one, aside, or give another --data-dir.`,
  );
}

async function asChange(
  store: Store,
  { dataDir, by }: CopyOptions,
  { from, to, next }: Pick<StoreCopied, 'from' | 'to' | 'next'>,
  copy: () => Promise<Pick<StoreCopied, 'rows' | 'textsChanged'>>,
): Promise<StoreCopied> {
  try {
    return await storeCopy({ store, name: by }, from, to, async () => {
      const result = await copy();
      const beside = Object.entries(besides).map(async ([name, holds]) => {
        const path = join(dataDir, name);
        return { path, holds, isThere: await exists(path) };
      });
      return { from, to, ...result, beside: await Promise.all(beside), next };
    });
  } finally {
    await store.close();
  }
}

const copied = (from: Side, to: Side, tables: readonly Table[], { say, signal }: CopyOptions) =>
  copyRows({ from, to, tables, say, signal, action: copyAction, now: systemClock.now });
