// Lists that the server gives in pages: the options that choose a page, the line that says there is
// more, and the walk through all pages.

import { type Command, Option } from 'commander';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import type { Terminal } from '../output.ts';
import { whole } from '../parse.ts';
import type { Remote } from './context.ts';

export interface Paged extends ListFlags {
  page: number;
  perPage?: number;
  all?: boolean;
}

interface Answer {
  count: number;
  page: number;
  next_page: number | null;
}

const perPageMax = 100;
/** More than any organisation has: a limit for a server whose pages do not end. */
const pagesMax = 100_000;

export const pageOptions = (command: Command): Command =>
  listOptions(
    command
      .option('--page <number>', 'page', whole(1, 1_000_000_000), 1)
      .option('--per-page <number>', 'how many on a page; default: 20', whole(1, perPageMax))
      .addOption(new Option('--all', 'all pages').conflicts('page')),
  );

/**
 * Prints a page, or all of them, and says on standard error when there is more. `key` is the list's
 * name in the answer.
 */
export async function printPages<Key extends string, Item extends { id: string }>(
  { terminal, flags }: { terminal: Terminal; flags: Remote & Paged },
  key: Key,
  ask: (query: { page: number; per_page: number }) => Promise<Answer & Record<Key, Item[]>>,
  columns: Columns<Item>,
): Promise<void> {
  const perPage = flags.perPage ?? (flags.all ? perPageMax : 20);
  const answer = await ask({ page: flags.page, per_page: perPage });
  if (!flags.all) {
    await printList(terminal, flags, {
      items: answer[key],
      columns,
      answer: (items) => ({ ...answer, [key]: items }),
    });
    if (isForPeople(flags)) tellRest(terminal, answer, answer[key].length, perPage);
    return;
  }
  // The pages move when something is made or deleted meanwhile. Each item is shown once, by its id.
  const found = new Map(answer[key].map((item) => [item.id, item]));
  let next = answer.next_page;
  for (let pages = 1; next !== null && pages < pagesMax; pages++) {
    const more = await ask({ page: next, per_page: perPage });
    for (const item of more[key]) found.set(item.id, item);
    next = more.next_page;
  }
  await printList(terminal, flags, {
    items: [...found.values()],
    columns,
    answer: (items) => ({ ...answer, [key]: items, next_page: next }),
  });
}

/** JSON and YAML have the fields that say whether there is more. */
const isForPeople = ({ json, output }: ListFlags) =>
  !json && output !== 'json' && output !== 'yaml';

function tellRest(
  terminal: Terminal,
  { count, page, next_page: next }: Answer,
  shown: number,
  perPage: number,
): void {
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
