// Before something is lost: the command says what, in numbers, and asks. Where nobody can be asked,
// it refuses without --yes.

import type { Command } from 'commander';
import type { Terminal } from './output.ts';
import { UsageError } from './parse.ts';

export interface Confirming {
  yes?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

export const confirmOptions = (command: Command): Command =>
  command
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'only show what would be done and lost');

export interface Loss {
  /** The work of the command, as the beginning of a sentence: `Delete image 3 (Studio)`. */
  does: string;
  /** The things that are lost by it, a sentence each. Nothing is asked when it is empty. */
  losses: readonly string[];
  /** Whether and how it can be undone, a sentence. */
  undo: string;
  /** The numbers of it, for --dry-run with --json. */
  numbers: object;
}

const linesOf = ({ does, losses, undo }: Loss) =>
  [`${does}:`, ...(losses.length === 0 ? ['nothing is lost.'] : losses), undo]
    .map((line, at) => (at === 0 ? line : `  ${line}`))
    .join('\n');

/**
 * Whether to go on. False after --dry-run, which prints what would be lost. Throws UsageError when
 * the person does not agree, and when nobody can be asked.
 */
export async function confirmed(
  terminal: Terminal,
  { yes, dryRun, json }: Confirming,
  loss: Loss,
): Promise<boolean> {
  const { does, losses, undo, numbers } = loss;
  if (dryRun) {
    const plan = { dry_run: true, does, losses, undo, ...numbers };
    terminal.out(json ? JSON.stringify(plan, null, 2) : linesOf(loss));
    return false;
  }
  if (yes || losses.length === 0) return true;
  if (!terminal.ask)
    throw new UsageError(
      `${linesOf(loss)}\nNothing was changed. Nobody can be asked here: give --yes to do it.`,
    );
  const answer = await terminal.ask(`${linesOf(loss)}\nGo on? [y/N] `);
  if (/^y(es)?$/i.test(answer.trim())) return true;
  throw new UsageError('Nothing was changed.');
}

const pluralOf = (noun: string): string => `${noun.replace(/([^aeiou])y$/, '$1ie')}s`;

/** How many there are of a thing, with its noun in the right number. */
export const count = (number: number, noun: string): string =>
  `${number} ${number === 1 ? noun : pluralOf(noun)}`;

/** Ids as a command takes them: ranges where they follow one another. */
export function idRanges(ids: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range && id === range.last + 1) range.last = id;
    else if (range?.last !== id) ranges.push({ first: id, last: id });
  }
  return ranges.map(({ first, last }) => (first === last ? first : `${first}-${last}`)).join(' ');
}

/** Things by their ids and names, and only the number of those beyond a few. */
export function listed(noun: string, things: readonly { id: number; name: string }[]): string {
  const shown = things.slice(0, 5).map(({ id, name }) => `${id} (${name})`);
  const rest = things.length - shown.length;
  const names = [...shown, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
  return `${things.length === 1 ? noun : `${count(things.length, noun)}:`} ${names}`;
}
