// Where a server of the crash proof keeps its data: a data directory, and the store in it or in a
// database of a real PostgreSQL. Each death works on a copy of such a place.

import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { PostgresServer } from '../postgres/server.ts';

export const storeNames = ['sqlite', 'postgres'] as const;
export type StoreName = (typeof storeNames)[number];

interface Database {
  server: PostgresServer;
  url: string;
}

export interface Place {
  dataDir: string;
  /** Null: the store is a file in the data directory. */
  database: Database | null;
}

/** Makes a place on which no server has run. */
export const newPlace = async (dataDir: string, server: PostgresServer | null): Promise<Place> => ({
  dataDir,
  database: server && { server, url: await server.database() },
});

/** Copies a place that no server runs on; `folder` holds the copy. */
export async function copyPlace({ dataDir, database }: Place, folder: string): Promise<Place> {
  const copy = join(folder, 'run');
  await rm(copy, { recursive: true, force: true });
  execFileSync('cp', ['-a', dataDir, copy]);
  return {
    dataDir: copy,
    database: database && { ...database, url: await database.server.copy(database.url) },
  };
}

/** Runs a query on the store, beside its server; resolves to the first value of the first row. */
export async function firstValue({ dataDir, database }: Place, sql: string): Promise<unknown> {
  if (database !== null) {
    const [row = {}] = await database.server.query(sql, database.url);
    return Object.values(row)[0];
  }
  const file = join(dataDir, 'silversmith.db');
  const store = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  try {
    return Object.values(store.prepare(sql).get() ?? {})[0];
  } finally {
    store.close();
  }
}

/**
 * Ends the leases of tasks that a dead server has left, as time would. A lease of a task lasts
 * longer than its period, which is a minute and more.
 */
export async function endTaskLeases({ database }: Place): Promise<void> {
  if (database !== null)
    await database.server.query("delete from lease where name like 'task %'", database.url);
}
