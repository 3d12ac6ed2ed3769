// The differences between databases. The queries beside this file are the same for all of them: for
// whatever each database writes in its own way, they ask the dialect.
//
// Beyond this, a database gives numbers as JavaScript numbers, and may give 0 and 1 for false and
// true.

import type { RawBuilder } from 'kysely';
import type { Db } from './schema.ts';

/** A query whose rows a database can lock. */
interface Lockable<Query> {
  forUpdate(): { skipLocked(): Query };
}

export interface Dialect {
  /**
   * Whether transactions run one at a time. Then ids come in the order of the commits, and no
   * transaction conflicts with another one over a kept number.
   */
  isSerial: boolean;

  /** Whether a kept number has so many rows that they should be joined. */
  hasLooseTallies(db: Db): Promise<boolean>;

  /** Joins the rows of kept numbers, where there is more than one of a number. */
  joinTallies(db: Db): Promise<void>;

  /** Makes a table that counts its ids go on after this one. */
  skipIds(db: Db, table: string, id: number): Promise<void>;

  /**
   * Locks the rows that a subquery finds, and leaves out those that another transaction has locked.
   * A database that writes one transaction at a time returns the query as it is.
   */
  unlocked<Query extends Lockable<Query>>(query: Query): Query;

  /**
   * A list of ids as one parameter, to look for with `in`: a list of any length is the same
   * statement, and none has too many variables.
   */
  among<Id extends number | string>(ids: readonly Id[]): RawBuilder<Id>;

  /**
   * A `select` that gives the columns of all rows, which are one parameter: any number of rows is
   * the same statement. Each row has a value for each column.
   */
  selectRows(
    table: string,
    columns: readonly string[],
    rows: readonly object[],
  ): RawBuilder<unknown>;
}
