// PostgreSQL's part of the queries.

import { sql } from 'kysely';
import type { Dialect } from '../sql/dialect.ts';
import { hasLooseTallies, joinTallies } from './tally.ts';

const snakeCase = (name: string) =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * PostgreSQL refuses a NUL in a text, also as an escape in JSON whose values become texts. Output
 * of guests may have one, so it is kept as the replacement character.
 */
export const withoutNul = (text: string) => text.replaceAll('\0', '\uFFFD');

export const dialect: Dialect = {
  isSerial: false,
  hasLooseTallies,
  joinTallies,

  async skipIds(db, table, id) {
    await sql`select setval(pg_get_serial_sequence(${table}, 'id'), ${id})`.execute(db);
  },

  unlocked: (query) => query.forUpdate().skipLocked(),

  among<Id extends number | string>(ids: readonly Id[]) {
    // An empty list has no type, and nothing is equal to null.
    if (ids.length === 0) return sql<Id>`(null)`;
    const type = sql.raw(typeof ids[0] === 'number' ? 'bigint[]' : 'text[]');
    return sql<Id>`(select unnest(cast(${ids} as ${type})))`;
  },

  selectRows(table, columns, rows) {
    const named = rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [
          snakeCase(name),
          typeof value === 'string' ? withoutNul(value) : value,
        ]),
      ),
    );
    const names = sql.join(columns.map((column) => sql.ref(column)));
    return sql`select ${names}
      from json_populate_recordset(null::${sql.table(table)}, cast(${JSON.stringify(named)} as json))`;
  },
};
