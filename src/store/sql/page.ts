// One page of a list, by its number, newest first.

import { type SelectQueryBuilder, sql } from 'kysely';
import type { ImageId, MachineId } from '../../domain/ids.ts';
import type { Found } from './name-search.ts';
import type { Database } from './schema.ts';

interface Ids {
  image: ImageId;
  machine: MachineId;
}

interface Options<Table extends keyof Ids> {
  /** From 1. */
  page: number;
  perPage: number;
  /** All rows of the list. */
  rows: SelectQueryBuilder<Database, Table, object>;
  /** What a search has found, if it was one. */
  found: Found | undefined;
  /** The number of rows, if the store keeps it. */
  kept: number | undefined;
}

/**
 * Counts the rows, and gives the ids of one page, in any order. They are asked for by a statement
 * of their own, because PostgreSQL expects a tenth of the table from a page in a subquery.
 */
export async function idsOfPage<Table extends keyof Ids>(
  options: Options<Table>,
): Promise<{ ids: Ids[Table][]; count: number }> {
  const { page, perPage, rows, found } = options;
  const count = found?.count ?? options.kept ?? (await countOf(rows));
  const from = (page - 1) * perPage;
  const to = from + perPage;
  if (found && (to <= found.ids.length || found.ids.length === count))
    return { ids: found.ids.slice(from, to) as Ids[Table][], count };
  const ids = rows.select(sql<number>`id`.as('id'));
  // The page is looked for from the nearer end of the list.
  const first = Math.max(0, count - to);
  const near =
    from <= first
      ? ids.orderBy(sql`id`, 'desc').offset(from).limit(perPage)
      : ids
          .orderBy(sql`id`, 'asc')
          .offset(first)
          .limit(Math.max(0, count - from - first));
  return { ids: (await near.execute()).map(({ id }) => id as Ids[Table]), count };
}

async function countOf<Table extends keyof Ids>(
  rows: SelectQueryBuilder<Database, Table, object>,
): Promise<number> {
  const row = await rows.select(sql<number>`count(*)`.as('count')).executeTakeFirstOrThrow();
  return Number(row.count);
}
