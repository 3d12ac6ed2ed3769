// SQLite's part of the queries.

import { sql } from 'kysely';
import type { Dialect } from '../sql/dialect.ts';

export const dialect: Dialect = {
  isSerial: true,
  hasLooseTallies: async () => false,
  async joinTallies() {},

  async skipIds(db, table, id) {
    await sql`update sqlite_sequence set seq = ${id} where name = ${table}`.execute(db);
    await sql`insert into sqlite_sequence (name, seq) select ${table}, ${id}
      where not exists (select 1 from sqlite_sequence where name = ${table})`.execute(db);
  },

  unlocked: (query) => query,

  among: <Id>(ids: readonly Id[]) => sql<Id>`(select value from json_each(${JSON.stringify(ids)}))`,

  selectRows(_table, columns, rows) {
    const values = columns.map(
      (column) => sql`json_extract(value, ${sql.lit(`$.${column}`)}) as ${sql.ref(column)}`,
    );
    return sql`select ${sql.join(values)} from json_each(${JSON.stringify(rows)})`;
  },
};
