// Makes the search in names fast, where the database can.

import { type Kysely, sql } from 'kysely';
import type { MigrationFor } from './statements.ts';

export const search: MigrationFor = ({ searchIn }) => ({
  async up(db: Kysely<unknown>) {
    for (const table of ['image', 'machine'])
      for (const statement of searchIn(table)) await sql.raw(statement).execute(db);
  },
});
