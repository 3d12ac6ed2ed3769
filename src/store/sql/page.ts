// One page of a list, newest first: by its number, or what follows a row.

import { sql } from 'kysely';
import type { ImageId, MachineId } from '../../domain/ids.ts';
import type { PageFilter, PageFound } from '../port/page.ts';
import type { PlacesOfList } from './list-places.ts';
import { countOf, type Listed, type ListedRows } from './listed.ts';
import type { Found } from './name-search.ts';

interface Ids extends Record<Listed, number> {
  image: ImageId;
  machine: MachineId;
}

interface Options<Table extends Listed> {
  page: PageFilter;
  /** All rows of the list. */
  rows: ListedRows<Table>;
  /** The result of the search; undefined when the list is not searched. */
  found: Found | undefined;
  /** The number of rows, if the store keeps it. */
  kept: number | undefined;
  /** The memory of the list; undefined when the store keeps none. */
  places: PlacesOfList | undefined;
}

/** So far from the newest row a page is found fast without a known row. */
const nearRows = 1000;

/**
 * Counts the rows, and gives the ids of one page, in any order. They are asked for by a statement
 * of their own, because PostgreSQL expects a tenth of the table from a page in a subquery.
 */
export async function idsOfPage<Table extends Listed>(
  options: Options<Table>,
): Promise<{ ids: Ids[Table][] } & PageFound> {
  const { page, rows, found, kept } = options;
  const count = found?.count ?? kept ?? (await countOf(rows));
  const { ids, more } =
    page.before === undefined
      ? { ids: await idsByNumber(options, count), more: page.page * page.perPage < count }
      : await idsBelow(options, page.before, count);
  return { ids: ids as Ids[Table][], count, more };
}

/** The newest rows with lower ids; one more is looked for, which tells whether others follow. */
async function idsBelow<Table extends Listed>(
  { page: { perPage }, rows, found }: Options<Table>,
  before: number,
  count: number,
): Promise<{ ids: number[]; more: boolean }> {
  const known = found?.ids.filter((id) => id < before).slice(0, perPage + 1) ?? [];
  const isWhole = known.length > perPage || found?.ids.length === count;
  const below = () => rows.where(sql<boolean>`id < ${before}`);
  const ids = isWhole
    ? known
    : await idsOf(below(), { order: 'desc', offset: 0, limit: perPage + 1 });
  return { ids: ids.slice(0, perPage), more: ids.length > perPage };
}

async function idsByNumber<Table extends Listed>(
  { page: { page, perPage }, rows, found, places }: Options<Table>,
  count: number,
): Promise<number[]> {
  const from = (page - 1) * perPage;
  const to = from + perPage;
  if (found && (to <= found.ids.length || found.ids.length === count))
    return found.ids.slice(from, to);
  const rank = Math.max(0, count - to);
  const oldest = { rank, size: Math.max(0, count - from - rank) };
  if (from > nearRows && places) return fromKnownRow(rows, oldest, places);
  return from <= oldest.rank
    ? idsOf(rows, { order: 'desc', offset: from, limit: perPage })
    : idsOf(rows, { order: 'asc', offset: oldest.rank, limit: oldest.size });
}

async function idsOf<Table extends Listed>(
  rows: ListedRows<Table>,
  { order, offset, limit }: { order: 'asc' | 'desc'; offset: number; limit: number },
): Promise<number[]> {
  const found = await rows
    .select(sql<number>`id`.as('id'))
    .orderBy(sql`id`, order)
    .offset(offset)
    .limit(limit)
    .execute();
  return found.map(({ id }) => id);
}

/** Finds a page, of which the rank of the oldest row is known, from a known row below it. */
async function fromKnownRow<Table extends Listed>(
  rows: ListedRows<Table>,
  { rank, size }: { rank: number; size: number },
  { list, places, changes }: PlacesOfList,
): Promise<number[]> {
  const before = await changes();
  const known = places.below(list, before, rank);
  const above = known ? rows.where(sql<boolean>`id >= ${known.id}`) : rows;
  const offset = rank - (known?.rank ?? 0);
  const ids = await idsOf(above, { order: 'asc', offset, limit: size });
  const [id] = ids;
  if (id !== undefined && (await changes()) === before) places.remember(list, before, { rank, id });
  return ids;
}
