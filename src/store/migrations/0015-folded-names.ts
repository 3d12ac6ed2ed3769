// Writes the form in which names are searched anew, where it has become another one.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { fold } from '../../lib/fold.ts';

interface Named {
  id: number;
  name: string;
  folded: string;
}

async function refold(db: Kysely<unknown>, name: string): Promise<void> {
  const table = sql.table(name);
  const { rows } = await sql<Named>`
    select id, name, name_folded as folded from ${table}`.execute(db);
  for (const row of rows)
    if (fold(row.name) !== row.folded)
      await sql`update ${table} set name_folded = ${fold(row.name)} where id = ${row.id}`.execute(
        db,
      );
}

export const foldedNames = (): Migration => ({
  async up(db: Kysely<unknown>) {
    for (const name of ['image', 'machine']) await refold(db, name);
  },
});
