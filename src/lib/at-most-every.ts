// Bounds how often work runs that costs something and that any caller may ask for.

/**
 * Returns a function that runs `work` unless the last run began less than `ms` ago. In that case it
 * returns the outcome of the last run, also while that is under way.
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
