// Work that a signal ends within seconds: long commands of the operator, whose unfinished work is
// undone, and programs that a command waits for.

import { AppError } from '../domain/error.ts';
import type { ExitKind } from './exit.ts';
import { UsageError } from './parse.ts';

const kinds = { SIGINT: 'interrupted', SIGTERM: 'terminated' } as const satisfies Record<
  string,
  ExitKind
>;
const signals = ['SIGINT', 'SIGTERM'] as const;
const takenBack = 'It was interrupted, and what was begun is taken back.';

/** The error of a command that was interrupted and has undone its work. */
export const interruption = (): UsageError => new UsageError(takenBack, 'interrupted');

/**
 * Runs work that ends with the reason of its signal, which SIGINT and SIGTERM give. A second one
 * ends the process at once. `says` tells what becomes of what was begun.
 */
export async function interruptible<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  says = takenBack,
): Promise<Result> {
  const stop = new AbortController();
  let kind: ExitKind | undefined;
  const end = (signal: (typeof signals)[number]) => {
    kind = kinds[signal];
    stop.abort(new AppError('unavailable', says));
  };
  for (const signal of signals) process.once(signal, end);
  try {
    return await work(stop.signal);
  } catch (error) {
    throw error === stop.signal.reason && kind !== undefined ? new UsageError(says, kind) : error;
  } finally {
    for (const signal of signals) process.removeListener(signal, end);
  }
}
