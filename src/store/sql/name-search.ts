// Searches in names and remembers what it found, for stores whose ids come in the order of their
// commits. Rows get higher ids than all before them, names do not change, and the store counts how
// often a row went out of the list or came back. So a search that was made before looks only at the
// rows that are new.

import { setImmediate as turn } from 'node:timers/promises';
import { sql } from 'kysely';
import { fold } from '../../lib/fold.ts';
import { SharedRun } from '../../lib/shared-run.ts';
import { Turns } from '../../lib/turns.ts';
import { countOf, type Listed, type ListedRows } from './listed.ts';
import { contains } from './search.ts';

/** The result of a search. */
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
/** A piece of no more ids does not wait for those of other searches. */
const fewIds = 1000;
const rememberedMax = 1000;

interface Search<Table extends Listed> {
  scope: string | number;
  text: string;
  rows: () => ListedRows<Table>;
  changes: () => Promise<number>;
}

export class NameSearches {
  readonly #found = new Map<string, Found>();
  readonly #shared = new SharedRun<Found>();
  /** All searches together look at one piece in a turn of the event loop. */
  readonly #pieces = new Turns();

  /**
   * Counts the listed rows whose names contain a text, and gives the ids of the newest. `changes`
   * is asked before and after.
   */
  find<Table extends Listed>(table: Table, search: Search<Table>): Promise<Found> {
    const key = JSON.stringify([table, search.scope, fold(search.text)]);
    return this.#shared.run(key, () => this.#find(key, search));
  }

  async #find<Table extends Listed>(
    key: string,
    { text, rows, changes }: Search<Table>,
  ): Promise<Found> {
    const before = await changes();
    const known = this.#found.get(key);
    const found: Found =
      known?.changes === before ? { ...known } : { count: 0, ids: [], upTo: 0, changes: before };
    const newest = await rows().select(sql<number | null>`max(id)`.as('id')).executeTakeFirst();
    const upTo = newest?.id ?? 0;
    const newer: number[] = [];
    for (let to = upTo; to > found.upTo; to -= pieceIds) {
      const from = Math.max(found.upTo, to - pieceIds);
      const piece = () =>
        rows().where(sql<boolean>`id > ${from} and id <= ${to}`).where(contains(text));
      const matches =
        to - from <= fewIds
          ? await matchesIn(piece)
          : await this.#pieces.take('', async () => {
              await turn();
              return matchesIn(piece);
            });
      found.count += matches.count;
      newer.push(...matches.ids);
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

async function matchesIn<Table extends Listed>(piece: () => ListedRows<Table>) {
  const rows = await piece()
    .select(sql<number>`id`.as('id'))
    .orderBy(sql`id`, 'desc')
    .limit(idsMax + 1)
    .execute();
  const ids = rows.map(({ id }) => id);
  return { ids, count: ids.length > idsMax ? await countOf(piece()) : ids.length };
}
