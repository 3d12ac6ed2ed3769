// A migration that is a text of SQL.

import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The words that databases use differently in the statements of a migration. */
export interface Declarations {
  /** A primary key that counts up and uses no number again. */
  identity: string;
  /** A text that is compared byte by byte. */
  text: string;
  /**
   * The word before `table` that keeps a table out of the log of the database: it is faster, and
   * empty after a crash of the database. May be empty.
   */
  unlogged: string;
  /** Statements that prepare a table for the search in its column `name_folded`; may be none. */
  searchIn(table: string): readonly string[];
  /** The table of kept numbers, and what keeps them: statements. */
  tally: {
    table: readonly string[];
    /**
     * Counts the rows of a table for which `when` holds, by the value of `part`. In both, `ROW`
     * stands for the row.
     */
    count(table: string, part: string, when: string): readonly string[];
    /** Counts other rows from now on, of a table that is counted; the numbers stay as they are. */
    recount(table: string, part: string, when: string): readonly string[];
  };
  /** The table of the account, and what keeps it: statements. */
  account: {
    table: readonly string[];
    keep(of: AccountOf): readonly string[];
  };
}

/** What the rows of a table add to the account. In all but names, `ROW` stands for the row. */
export interface AccountOf {
  table: string;
  /** The columns that the rest depends on. */
  columns: readonly string[];
  /** Null for a row that counts for the host alone. */
  organisation: string;
  kind: string;
  /** Which rows count. */
  when: string;
  bytes: string;
  reservedBytes: string;
  memoryMb: string;
  cpus: string;
}

export type MigrationFor = (types: Declarations) => Migration;

/**
 * A migration that runs each statement of a text. A statement ends with `;` at the end of a line.
 */
export const statements =
  (text: string): MigrationFor =>
  (types) => ({
    async up(db: Kysely<unknown>) {
      const declared = text
        .replaceAll('IDENTITY', types.identity)
        .replaceAll('UNLOGGED ', types.unlogged)
        .replaceAll(/\btext\b/g, types.text);
      for (const statement of declared.split(/;\s*\n/)) await sql.raw(statement).execute(db);
    },
  });
