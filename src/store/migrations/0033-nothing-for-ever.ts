// Lets machines, bases, titles and machine types go: deleted machines can be brought back for a
// while, and what is retired is no longer offered. Bases and titles have versions under one name.
// Indexes find the rows whose time is over, and transfers in the order of their list.

import { type Kysely, sql } from 'kysely';
import type { MigrationFor } from './statements.ts';

const columns = [
  ['machine', 'deleted_at bigint'],
  ['machine', 'deleted_until bigint'],
  ['machine', 'deleted_disk_id text'],
  ['base_image', 'version text'],
  ['base_image', 'retired_at bigint'],
  ['base_image', 'held_at bigint'],
  ['software', 'version text'],
  ['software', 'retired_at bigint'],
  ['machine_type', 'retired_at bigint'],
];

// The index of all machines stays for older servers on the same database.
const indexes = [
  'machine_live on machine (organisation_id, id, name_folded) where deleted_at is null',
  'machine_gone on machine (deleted_at) where deleted_at is not null',
  'image_gone_since on image (deleted_at) where deleted_at is not null',
  "build_step_printed on build_step (image_id) where output <> ''",
  'transfer_listed on transfer (organisation_id, created_at, id) where deleted_at is null',
];

export const nothingForEver: MigrationFor = ({ text, tally }) => ({
  async up(db: Kysely<unknown>) {
    const run = async (statement: string) => void (await sql.raw(statement).execute(db));
    for (const [table, column = ''] of columns)
      await run(`alter table ${table} add column ${column.replaceAll(/\btext\b/g, text)}`);
    for (const index of indexes) await run(`create index ${index}`);
    for (const statement of tally.recount('machine', 'ROW.status', 'ROW.deleted_at is null'))
      await run(statement);
  },
});
