// Searches in names and remembers what it found, for stores whose ids come in the order of their
// commits. Rows get higher ids than all before them, names do not change, and the store counts how
// often a row went out of the list or came back. So a search that was made before looks only at the
// rows that are new.

import { setImmediate as turn } from 'node:timers/promises';
import { type SelectQueryBuilder, sql } from 'kysely';
import { fold } from '../../lib/fold.ts';
import type { Database } from './schema.ts';
import { contains } from './search.ts';

type Listed = 'image' | 'machine';
/** The rows of a table that are listed in a scope. */
type Rows<Table extends Listed> = SelectQueryBuilder<Database, Table, object>;

/** What a search has found. */
export interface Found {
  count: number;
  /** The newest matches, newest first: all, or `idsMax`. */
  ids: number[];
  /** Rows with higher ids were not looked at. */
  upTo: number;
  /** How often rows went out of the list, or came back, before it was looked at. */
  changes: number;
}

const idsMax = 1000;
/** So many ids are looked at in one piece; then other requests have their turn. */
const pieceIds = 20_000;
const rememberedMax = 1000;

export class NameSearches {
  readonly #found = new Map<string, Found>();

  /**
   * Counts the listed rows whose names contain a text, and gives the ids of the newest. `changes`
   * is asked before and after.
   */
  async find<Table extends Listed>(
    table: Table,
    {
      scope,
      text,
      rows,
      changes,
    }: {
      scope: string | number;
      text: string;
      rows: () => Rows<Table>;
      changes: () => Promise<number>;
    },
  ): Promise<Found> {
    const key = JSON.stringify([table, scope, fold(text)]);
    const before = await changes();
    const known = this.#found.get(key);
    const found: Found =
      known?.changes === before ? { ...known } : { count: 0, ids: [], upTo: 0, changes: before };
    const newest = await rows().select(sql<number | null>`max(id)`.as('id')).executeTakeFirst();
    const upTo = newest?.id ?? 0;
    const newer: number[] = [];
    for (let to = upTo; to > found.upTo; to -= pieceIds) {
      if (to < upTo) await turn();
      const from = Math.max(found.upTo, to - pieceIds);
      const piece = () =>
        rows().where(sql<boolean>`id > ${from} and id <= ${to}`).where(contains(text));
      const ids = await piece()
        .select(sql<number>`id`.as('id'))
        .orderBy(sql`id`, 'desc')
        .limit(idsMax + 1)
        .execute();
      found.count += ids.length > idsMax ? await count(piece()) : ids.length;
      newer.push(...ids.map(({ id }) => id));
    }
    found.ids = [...newer, ...found.ids].slice(0, idsMax);
    found.upTo = upTo;
    if ((await changes()) === before) this.#remember(key, found);
    return found;
  }

  #remember(key: string, found: Found): void {
    this.#found.delete(key);
    this.#found.set(key, found);
    const [oldest] = this.#found.keys();
    if (this.#found.size > rememberedMax && oldest !== undefined) this.#found.delete(oldest);
  }
}

async function count<Table extends Listed>(rows: Rows<Table>): Promise<number> {
  const row = await rows.select(sql<number>`count(*)`.as('count')).executeTakeFirstOrThrow();
  return row.count;
}
