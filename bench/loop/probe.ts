// Watches the event loop: how long it stands still at most while something runs, by the clock and
// by the processor's time of its thread, and the statement that took longest in that turn.
//
// A turn of the loop is measured from one `setImmediate` to the next. Its processor time says the
// same on a busy machine as on a quiet one; its time by the clock also has what it waited for a
// disk.

interface Stop {
  heldMs: number;
  processorMs: number;
  /** The longest statement of that turn, and its time; empty when none was run. */
  statement: string;
  statementMs: number;
}

const nothing: Stop = { heldMs: 0, processorMs: 0, statement: '', statementMs: 0 };

const processorMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

export class LoopProbe {
  #longest = { ...nothing };
  #turn = { ...nothing };

  /** To be called for each statement that is run. */
  readonly onQuery = (sql: string, _parameters: readonly unknown[], tookMs: number): void => {
    if (tookMs > this.#turn.statementMs)
      this.#turn = { ...this.#turn, statement: sql, statementMs: tookMs };
  };

  /** Resolves to the turn of the loop that took most processor time while `work` ran. */
  async watch(work: () => Promise<unknown>): Promise<Stop & { tookMs: number }> {
    this.#longest = { ...nothing };
    let [at, worked, isOver] = [performance.now(), processorMs(), false];
    const begun = at;
    const turn = () => {
      const [now, workedNow] = [performance.now(), processorMs()];
      const stop = { ...this.#turn, heldMs: now - at, processorMs: workedNow - worked };
      if (stop.processorMs > this.#longest.processorMs) this.#longest = stop;
      this.#turn = { ...nothing };
      [at, worked] = [now, workedNow];
      if (!isOver) setImmediate(turn);
    };
    this.#turn = { ...nothing };
    setImmediate(turn);
    // The first turn is not the work's.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    this.#longest = { ...nothing };
    try {
      await work();
    } finally {
      await new Promise(setImmediate);
      isOver = true;
      await new Promise(setImmediate);
    }
    return { ...this.#longest, tookMs: performance.now() - begun };
  }
}
