// Stores of each earlier version, with one row in each table.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { sqliteDriver } from '../../src/store/sqlite/driver.ts';
import { sqliteMigrations } from '../../src/store/sqlite/migrate.ts';
import { rows } from './rows.ts';

export const versions = Object.keys(sqliteMigrations);

/** The names that tables and columns had before the newest schema. */
const formerNames: Record<string, string> = {
  job: 'operation',
  machine_type: 'plan',
  job_id: 'operation_id',
  deleting_at: 'doomed_at',
  machine_type_id: 'plan_id',
  code: 'machine_type',
};

/** Makes the store of a version in a folder, with the rows that its schema can hold. */
export async function storeOf(dataDir: string, version: string): Promise<void> {
  const database = new DatabaseSync(join(dataDir, 'silversmith.db'));
  const db = new Kysely<unknown>({ dialect: sqliteDriver(database) });
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => sqliteMigrations },
  }).migrateTo(version);
  assert.equal(error, undefined);
  database.exec('pragma foreign_keys = on');
  const columnsOf = (table: string) =>
    new Set(
      database
        .prepare(`pragma table_info(${table})`)
        .all()
        .map((column) => String(column.name)),
    );
  const hasProfiles = versions.indexOf(version) >= versions.indexOf('0019-boot-profiles');
  for (const [name, row] of rows) {
    const table = [name, formerNames[name] ?? name].find((one) => columnsOf(one).size > 0);
    if (table === undefined) continue;
    const known = columnsOf(table);
    const values = Object.entries(row).flatMap(([column, value]) => {
      const called = [column, formerNames[column] ?? column].find((one) => known.has(one));
      const then = column === 'boot' && hasProfiles && value !== null ? '{"mode":"bios"}' : value;
      return called === undefined ? [] : [[called, then] as const];
    });
    database
      .prepare(
        `insert into ${table} (${values.map(([column]) => column)}) values (${values.map(() => '?')})`,
      )
      .run(...values.map(([, value]) => value));
  }
  await db.destroy();
}
