// Long lists in portions, with a turn of the event loop between two, so that others are answered
// meanwhile.

import { setImmediate as nextTurn } from 'node:timers/promises';

/** Gives all items in their order, at most `most` at once. Gives nothing for an empty list. */
export async function* portionsOf<Item>(
  items: readonly Item[],
  most: number,
): AsyncGenerator<readonly Item[], void> {
  for (let from = 0; from < items.length; from += most) {
    if (from > 0) await nextTurn();
    yield items.slice(from, from + most);
  }
}
