// What costs something, and anybody may ask for.

/**
 * Runs `work` when it is asked for and the last run began more than `ms` ago; who asks sooner is
 * given that one's outcome.
 */
export function atMostEvery<Result>(
  ms: number,
  work: () => Promise<Result>,
): () => Promise<Result> {
  let last: { at: number; outcome: Promise<Result> } | null = null;
  return () => {
    if (last === null || performance.now() - last.at > ms)
      last = { at: performance.now(), outcome: work() };
    return last.outcome;
  };
}
