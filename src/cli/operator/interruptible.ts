// Long commands of the operator: a signal ends them within seconds, and their unfinished work is
// undone.

import { AppError } from '../../domain/error.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs work that ends with the reason of its signal, which SIGINT and SIGTERM give. A second one
 * ends the process at once.
 */
export async function interruptible<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const stop = new AbortController();
  const end = () =>
    stop.abort(
      new AppError('unavailable', 'It was interrupted, and what was begun is taken back.'),
    );
  for (const signal of signals) process.once(signal, end);
  try {
    return await work(stop.signal);
  } finally {
    for (const signal of signals) process.removeListener(signal, end);
  }
}
