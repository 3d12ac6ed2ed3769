// A migration that is a text of SQL.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * `identity` is the database's declaration of a primary key that counts up and reuses no number.
 */
export type MigrationFor = (identity: string) => Migration;

/**
 * A migration that runs each statement of a text. A statement ends with `;` at the end of a line.
 */
export const statements =
  (text: string): MigrationFor =>
  (identity) => ({
    async up(db: Kysely<unknown>) {
      for (const statement of text.replaceAll('IDENTITY', identity).split(/;\s*\n/))
        await sql.raw(statement).execute(db);
    },
  });
