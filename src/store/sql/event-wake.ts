// Wakes those who look at events after a transaction that has written some, and counts the events.

export class EventWake {
  readonly #wakes = new Set<() => void>();
  #written = 0;

  /** Calls `wake` each time, until the returned function is called. */
  listen(wake: () => void): () => void {
    const own = () => wake();
    this.#wakes.add(own);
    return () => void this.#wakes.delete(own);
  }

  wake(): void {
    for (const wake of this.#wakes) wake();
  }

  /** How many events were written in transactions that were committed. */
  get written(): number {
    return this.#written;
  }

  /**
   * Runs a transaction, whose runs each take a function that hears of their events. Wakes when it
   * is committed and its last run has called that function, and calls `then` too.
   */
  async around<Result>(
    run: (ofRun: () => (events: number) => void) => Promise<Result>,
    then: () => void = () => {},
  ): Promise<Result> {
    let written: number | null = null;
    const result = await run(() => {
      written = null;
      return (events) => {
        written = (written ?? 0) + events;
      };
    });
    if (written !== null) {
      this.#written += written;
      this.wake();
      then();
    }
    return result;
  }
}
