// Lists that come in pages: the command line reads all of them, and puts them into the order in
// which the host lists them.

import { UsageError } from '../parse.ts';

const pageLimit = 1000;
const pagesMax = 10_000;

/** All pages of a list. `ask` gets the place after which the next page begins. */
export async function allPages<Item>(
  ask: (at: { limit: number; after?: string }) => Promise<{ items: Item[]; next: string | null }>,
): Promise<Item[]> {
  const all: Item[] = [];
  let after: string | null = null;
  for (let page = 0; page < pagesMax; page++) {
    const { items, next }: { items: Item[]; next: string | null } = await ask({
      limit: pageLimit,
      ...(after !== null && { after }),
    });
    all.push(...items);
    if (next === null) return all;
    after = next;
  }
  throw new UsageError(`The list has more than ${pageLimit * pagesMax} items.`, 'failed');
}

/** The oldest first; by id where two are of the same age. `rank` comes before both. */
export const byAge = <Item extends { id: string; createdAt: number }>(
  items: Item[],
  rank: (item: Item) => number = () => 0,
): Item[] =>
  items.sort((a, b) => rank(a) - rank(b) || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
