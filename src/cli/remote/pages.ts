// Lists that the server gives in pages: the options that choose a page, the line that says there is
// more, and the walk through all pages.

import { type Command, Option } from 'commander';
import { everyItem, type PlaceInList } from '../../client/page.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import type { Terminal } from '../output.ts';
import { whole } from '../parse.ts';
import type { Remote } from './context.ts';

export interface Paged extends ListFlags {
  page: number;
  perPage?: number;
  all?: boolean;
  before?: number;
}

interface Answer {
  count: number;
  page: number;
  next_page: number | null;
  /** Undefined from a server of the specification alone. */
  next_before?: number | null;
}

const perPageMax = 100;

export const pageOptions = (command: Command): Command =>
  listOptions(
    command
      .option('--page <number>', 'page', whole(1, 1_000_000_000), 1)
      .option('--per-page <number>', 'how many on a page; default: 20', whole(1, perPageMax))
      .addOption(
        new Option('--before <id>', 'a page of those with lower ids, whatever is deleted meanwhile')
          .argParser(whole(1, Number.MAX_SAFE_INTEGER))
          .conflicts('page'),
      )
      .addOption(new Option('--all', 'all pages').conflicts(['page', 'before'])),
  );

/**
 * Prints a page, or all of them, and says on standard error when there is more. `key` is the list's
 * name in the answer.
 */
export async function printPages<Key extends string, Item extends { id: string }>(
  { terminal, flags }: { terminal: Terminal; flags: Remote & Paged },
  key: Key,
  ask: (query: PlaceInList & { per_page: number }) => Promise<Answer & Record<Key, Item[]>>,
  columns: Columns<Item>,
): Promise<void> {
  const { page, before, all } = flags;
  const perPage = flags.perPage ?? (all ? perPageMax : 20);
  const look = async (place: PlaceInList) => {
    const answer = await ask({ ...place, per_page: perPage });
    return { answer, items: answer[key] };
  };
  const { answer, items } = all
    ? await wholeOf(perPage, look)
    : await look(before === undefined ? { page } : { before });
  await printList(terminal, flags, {
    items,
    columns,
    answer: (sorted) => ({ ...answer, [key]: sorted }),
  });
  if (!all && isForPeople(flags)) tellRest(terminal, flags, answer, items.length, perPage);
}

interface Look<Item> {
  answer: Answer;
  items: Item[];
}

/** All items of a list, with the last answer. */
async function wholeOf<Item extends { id: string }>(
  perPage: number,
  look: (place: PlaceInList) => Promise<Look<Item>>,
): Promise<Look<Item>> {
  let answer: Answer = { count: 0, page: 1, next_page: null };
  const items = await Array.fromAsync(
    everyItem(perPage, async (place) => {
      const found = await look(place);
      answer = found.answer;
      return { ...answer, items: found.items };
    }),
  );
  return { answer, items };
}

/** JSON and YAML have the fields that say whether there is more. */
const isForPeople = ({ json, output }: ListFlags) =>
  !json && output !== 'json' && output !== 'yaml';

function tellRest(
  terminal: Terminal,
  { before }: Paged,
  { count, page, next_page: next, next_before: nextBefore }: Answer,
  shown: number,
  perPage: number,
): void {
  if (before !== undefined) {
    if (next !== null)
      terminal.err(`${shown} of ${count}; what follows: --before ${nextBefore}; all: --all`);
    return;
  }
  const first = (page - 1) * perPage + 1;
  if (next !== null)
    terminal.err(
      `${page === 1 ? shown : `${first}–${first + shown - 1}`} of ${count}; next page: --page ${next}; all: --all`,
    );
  else if (shown === 0 && count > 0)
    terminal.err(
      `There is no page ${page}: ${count} are on fewer; the last: --page ${Math.ceil(count / perPage)}`,
    );
}
