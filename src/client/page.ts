// A list of many pages, one thing after the other.

/** More pages than any list has; a server whose pages have no end is left. */
const pagesMax = 1_000_000;
/** Of so many things it is remembered that they were given, because pages overlap by fewer. */
const rememberedMax = 1000;

interface Page<Item, Before> {
  items: readonly Item[];
  count: number;
  next_page?: number | null;
  /** Undefined from a server of the specification alone. */
  next_before?: Before | null;
}

/** A page by its number, or what follows an item. */
export type PlaceInList<Before = number> = { page: number } | { before: Before };

/**
 * Gives each thing of a list once, while others are made and deleted: what follows the last thing
 * that was given. A server of the specification alone has pages only. There new things move the
 * rest to later pages, where it is seen again and left out. Deleted things move the rest to earlier
 * pages; the fallen count tells so, and the list is read again from further ahead.
 */
export async function* everyItem<
  Item extends { id: string },
  Before extends number | string = number,
>(
  perPage: number,
  ask: (place: PlaceInList<Before>) => Promise<Page<Item, Before>>,
): AsyncGenerator<Item> {
  const given = new Set<string>();
  let [page, count] = [1, 0];
  let place: PlaceInList<Before> = { page };
  for (let asked = 0; asked < pagesMax; asked++) {
    const found = await ask(place);
    const gone = count - found.count;
    count = found.count;
    if (found.next_before === undefined && gone > 0 && page > 1) {
      page = Math.max(1, page - Math.ceil(gone / perPage));
      place = { page };
      continue;
    }
    for (const item of found.items) {
      if (given.has(item.id)) continue;
      given.add(item.id);
      const [oldest] = given;
      if (given.size > rememberedMax && oldest !== undefined) given.delete(oldest);
      yield item;
    }
    const isLast = (found.next_before ?? found.next_page ?? null) === null;
    if (isLast || found.items.length === 0) return;
    page++;
    place = found.next_before == null ? { page } : { before: found.next_before };
  }
}
