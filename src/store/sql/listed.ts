// The rows of a list: a query before its columns, order and page are chosen.

import { type SelectQueryBuilder, sql } from 'kysely';
import type { Database } from './schema.ts';

export type Listed = 'image' | 'machine';
export type ListedRows<Table extends Listed> = SelectQueryBuilder<Database, Table, object>;

export async function countOf<Table extends Listed>(rows: ListedRows<Table>): Promise<number> {
  const row = await rows.select(sql<number>`count(*)`.as('count')).executeTakeFirstOrThrow();
  return Number(row.count);
}
