// The same work for several things: a few at a time, with a result for each of them.

import { count } from '../confirm.ts';
import type { ExitKind } from '../exit.ts';
import { exitCode } from '../exit.ts';
import type { Terminal } from '../output.ts';
import type { Named } from './name.ts';

const atOnce = 8;

/** Runs the work for each item, at most eight at a time, and resolves to how each ended. */
export async function settleEach<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<PromiseSettledResult<Result>[]> {
  const settled: PromiseSettledResult<Result>[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [at, item] of queue)
      settled[at] = await work(item).then(
        (value) => ({ status: 'fulfilled' as const, value }),
        (reason: unknown) => ({ status: 'rejected' as const, reason }),
      );
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return settled;
}

/** Like `settleEach`; throws the first error when all have ended. */
export async function allOf<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  return (await settleEach(items, work)).map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/** A thing whose id may be a number or a text. */
type Thing = Omit<Named, 'id'> & { id: number | string };

/** One thing with what came of it. */
export type Outcome<Result, Of extends Thing = Named> = { thing: Of } & (
  | { ok: true; result: Result }
  | { ok: false; error: unknown }
);

/** Does the work for each thing; a failure of one does not keep the others. */
export async function outcomesOf<Result, Of extends Thing = Named>(
  things: readonly Of[],
  work: (thing: Of) => Promise<Result>,
): Promise<Outcome<Result, Of>[]> {
  const settled = await settleEach(things, work);
  return things.map((thing, at) => {
    const one = settled[at];
    return one?.status === 'fulfilled'
      ? { thing, ok: true, result: one.value }
      : { thing, ok: false, error: one?.reason };
  });
}

interface Printed<Result> {
  terminal: Terminal;
  flags: { json?: boolean | undefined };
  noun: string;
  /** Whether one thing was named by its id or name: its answer is printed, or its error thrown. */
  isSingle: boolean;
  /** The answer of one thing for JSON. */
  answer: (result: Result) => object;
  /** All that succeeded, for people. */
  human: (results: readonly Result[]) => string;
}

/**
 * Prints what came of each thing, and sets the exit status: that of the failures when all have
 * failed alike, else `failed` when one has.
 */
export async function printOutcomes<Result>(
  outcomes: readonly Outcome<Result, Thing>[],
  { terminal, flags, noun, isSingle, answer, human }: Printed<Result>,
): Promise<void> {
  const [first] = outcomes;
  const done = outcomes.flatMap((one) => (one.ok ? [one.result] : []));
  if (isSingle && first && !first.ok) throw first.error;
  if (flags.json && isSingle && first?.ok)
    return terminal.out(JSON.stringify(answer(first.result), null, 2));
  const failures = outcomes.filter((one) => !one.ok);
  const { problemOf } = await import('../explain.ts');
  if (flags.json) {
    const results = outcomes.map((one) => {
      const { id, name } = one.thing;
      return one.ok
        ? { id, name, ok: true, answer: answer(one.result) }
        : { id, name, ok: false, error: problemOf(one.error) };
    });
    terminal.out(JSON.stringify({ results }, null, 2));
  } else {
    if (done.length > 0) terminal.out(human(done));
    for (const { thing, error } of failures)
      terminal.err(`error: ${noun} ${thing.id} (${thing.name}): ${problemOf(error).message}`);
    if (failures.length > 0)
      terminal.err(`${failures.length} of ${count(outcomes.length, noun)} failed.`);
  }
  if (failures.length === 0) return;
  const kinds = new Set<ExitKind>(failures.map(({ error }) => problemOf(error).kind));
  const [kind = 'failed'] = kinds;
  terminal.exitCode = exitCode(done.length === 0 && kinds.size === 1 ? kind : 'failed');
}
