// Keeps the numbers of images and machines, so that a page of a long list does not count all of it.

import { type Kysely, sql } from 'kysely';
import type { MigrationFor } from './statements.ts';

/** `ROW` stands for the row that is made, changed or removed. */
const counted = [
  { table: 'image', part: 'ROW.status', when: 'ROW.deleted_at is null' },
  { table: 'machine', part: 'ROW.status', when: '1 = 1' },
];

// A search looks at all names of a list in the index of the list.
const indexes = [
  'drop index image_listed',
  'create index image_listed on image (organisation_id, id, name_folded) where deleted_at is null',
  'drop index machine_listed',
  'create index machine_listed on machine (organisation_id, id, name_folded)',
];

export const keptCounts: MigrationFor = ({ tally }) => ({
  async up(db: Kysely<unknown>) {
    const run = async (text: string) => void (await sql.raw(text).execute(db));
    for (const statement of [...indexes, ...tally.table]) await run(statement);
    for (const { table, part, when } of counted) {
      const of = (text: string) => text.replaceAll('ROW', table);
      await run(`insert into tally (organisation_id, noun, part, amount)
        select organisation_id, '${table}', ${of(part)}, count(*) from ${table}
        where ${of(when)} group by organisation_id, ${of(part)}`);
      for (const statement of tally.count(table, part, when)) await run(statement);
    }
  },
});
