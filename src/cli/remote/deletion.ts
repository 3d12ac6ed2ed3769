// How commands delete several things: they say what would be lost and ask, delete each, and say how
// that is undone.

import { type Confirming, confirmed, idRanges, type Loss } from '../confirm.ts';
import type { Terminal } from '../output.ts';
import type { Remote } from './context.ts';
import { outcomesOf, printOutcomes } from './each.ts';
import type { Selection } from './selection.ts';

interface Deletion {
  terminal: Terminal;
  flags: Remote & Confirming;
  noun: 'image' | 'machine';
  /** Is asked for only when somebody reads it. */
  loss: () => Promise<Loss>;
  remove: (id: number) => Promise<object>;
  /** The sentence that the ids end. */
  undo: string;
}

export async function deleteEach({ things, isSingle }: Selection, deletion: Deletion) {
  const { terminal, flags, noun, loss, remove, undo } = deletion;
  const isSure = flags.yes === true && !flags.dryRun;
  if (!isSure && !(await confirmed(terminal, flags, await loss()))) return;
  const outcomes = await outcomesOf(things, async (thing) => ({
    thing,
    answer: await remove(thing.id),
  }));
  const capital = `${noun[0]?.toUpperCase()}${noun.slice(1)}`;
  await printOutcomes(outcomes, {
    ...{ terminal, flags, noun, isSingle },
    answer: ({ answer }) => answer,
    human: (done) => done.map(({ thing }) => `${capital} ${thing.id} is deleted.`).join('\n'),
  });
  const gone = outcomes.filter((one) => one.ok).map(({ thing }) => thing.id);
  if (!flags.json && gone.length > 0) terminal.err(`${undo} ${idRanges(gone)}`);
}
