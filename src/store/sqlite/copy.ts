// SQLite's side of a copy between databases: the file in one transaction, which keeps other writers
// out; its tables in the order of their references; and its counters of ids.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import type { Side, Table } from '../sql/copy.ts';
import { copyStore, openDatabase, storeFile } from './database.ts';
import { dialect } from './dialect.ts';
import { sqliteDriver } from './driver.ts';
import { translated } from './errors.ts';
import { openSqlite } from './open.ts';

interface SqliteSide extends Side {
  /** All tables of the schema; each comes after those that it refers to. */
  tables: readonly Table[];
}

/**
 * Runs work with the store of a data directory, in a transaction that is undone when the work
 * throws. Call it under the directory's lock.
 */
export const withSqliteSide = <Result>(
  dataDir: string,
  work: (side: SqliteSide) => Promise<Result>,
): Promise<Result> =>
  translated(async () => {
    const database = await openDatabase(storeFile(dataDir));
    database.exec('pragma busy_timeout = 0');
    const db = new Kysely<unknown>({ dialect: sqliteDriver(database) });
    try {
      return await db
        .transaction()
        .execute((transaction) => work(sideOf(database, transaction, `The store in ${dataDir}`)));
    } finally {
      await db.destroy();
    }
  });

/**
 * Like `withSqliteSide`, with a new store. It takes its place in the directory, complete and
 * durable, when the work is done; a process that dies earlier leaves none. Call it under the
 * directory's lock, and only where there is no store.
 */
export async function withNewSqliteSide<Result>(
  dataDir: string,
  work: (side: SqliteSide) => Promise<Result>,
): Promise<Result> {
  const part = join(dataDir, 'copied');
  const remove = () => rm(part, { recursive: true, force: true });
  await remove();
  await mkdir(part, { mode: 0o700 });
  try {
    const empty = await openSqlite({ dataDir: part, now: Date.now, locked: true });
    await empty.close();
    const result = await withSqliteSide(part, (side) =>
      work({ ...side, name: `The store in ${dataDir}` }),
    );
    await copyStore(part, storeFile(dataDir));
    return result;
  } finally {
    await remove();
  }
}

function sideOf(database: DatabaseSync, db: Kysely<unknown>, name: string): SqliteSide {
  const tables = inOrder(database);
  return {
    db,
    dialect,
    name,
    tables,
    kept: (text) => text,
    columns: async () =>
      new Map(tables.map((table) => [table.name, [...table.columns].sort()] as const)),
    async lastIds() {
      const rows = database.prepare('select name, seq from sqlite_sequence').all();
      return new Map(rows.map((row) => [String(row.name), Number(row.seq)]));
    },
    async setLastIds(ids) {
      for (const [table, last] of ids) {
        database.prepare('delete from sqlite_sequence where name = ?').run(table);
        database.prepare('insert into sqlite_sequence (name, seq) values (?, ?)').run(table, last);
      }
    },
  };
}

/** Tables of SQLite and of the migrations are not part of a copy. */
const ours = `type = 'table' and name not like 'sqlite%' and name not like 'kysely%'`;

function inOrder(database: DatabaseSync): Table[] {
  const names = database
    .prepare(`select name from sqlite_master where ${ours} order by name`)
    .all()
    .map((row) => String(row.name));
  const ordered: Table[] = [];
  const placed = new Set<string>();
  const place = (name: string) => {
    if (placed.has(name)) return;
    placed.add(name);
    const references = database.prepare('select * from pragma_foreign_key_list(?)').all(name);
    for (const { table } of references) place(String(table));
    ordered.push(tableOf(database, name, references));
  };
  for (const name of names) place(name);
  return ordered;
}

function tableOf(
  database: DatabaseSync,
  name: string,
  references: readonly Record<string, unknown>[],
): Table {
  const columns = database.prepare('select name, pk from pragma_table_info(?)').all(name);
  const key = columns
    .filter(({ pk }) => Number(pk) > 0)
    .sort((a, b) => Number(a.pk) - Number(b.pk));
  return {
    name,
    columns: columns.map((column) => String(column.name)),
    key: key.map((column) => String(column.name)),
    parents: references.filter(({ table }) => table === name).map(({ from }) => String(from)),
  };
}
