// The schema of each earlier version, with rows in it.

import assert from 'node:assert/strict';
import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { sqliteMigrations } from '../../../src/store/sqlite/migrate.ts';
import { runs } from '../../runs.ts';
import { rows } from './rows.ts';

/** All databases have the same ones. */
export const versions = Object.keys(sqliteMigrations);

/**
 * The versions from which upgrades are tried. `npm test` takes the newest three and each eighth of
 * the others, because a migration never changes once it is published; `npm run test:properties`
 * takes all.
 */
export const triedVersions =
  runs(1) > 1
    ? versions
    : versions.filter((_, index) => index % 8 === 0 || index >= versions.length - 3);

/** The names that tables and columns had before the newest schema. */
const formerNames: Record<string, string> = {
  job: 'operation',
  machine_type: 'plan',
  job_id: 'operation_id',
  deleting_at: 'doomed_at',
  machine_type_id: 'plan_id',
  code: 'machine_type',
};

/** Makes the tables of a version in an empty database, with the rows that they can hold. */
export async function makeAs(
  db: Kysely<unknown>,
  migrations: Record<string, Migration>,
  version: string,
): Promise<void> {
  await migrateTo(db, migrations, version);
  await addRows(db, version);
}

export async function migrateTo(
  db: Kysely<unknown>,
  migrations: Record<string, Migration>,
  version: string,
): Promise<void> {
  const provider = { getMigrations: async () => migrations };
  const { error } = await new Migrator({ db, provider }).migrateTo(version);
  assert.equal(error, undefined);
}

/** Adds the rows that the tables of a version can hold. */
export async function addRows(db: Kysely<unknown>, version: string): Promise<void> {
  const tables = new Map<string, Set<string>>();
  for (const { name, columns } of await db.introspection.getTables())
    tables.set(name, new Set(columns.map((column) => column.name)));
  const hasProfiles = versions.indexOf(version) >= versions.indexOf('0019-boot-profiles');
  for (const [name, row] of rows) {
    const table = [name, formerNames[name] ?? name].find((one) => tables.has(one));
    if (table === undefined) continue;
    const known = tables.get(table);
    const values = Object.entries(row).flatMap(([column, value]) => {
      const called = [column, formerNames[column] ?? column].find((one) => known?.has(one));
      const then = column === 'boot' && hasProfiles && value !== null ? '{"mode":"bios"}' : value;
      return called === undefined ? [] : [[called, then] as const];
    });
    const names = sql.join(values.map(([column]) => sql.ref(column)));
    await sql`insert into ${sql.table(table)} (${names})
      values (${sql.join(values.map(([, value]) => value))})`.execute(db);
  }
}
