// Wakes the reader of events after a transaction that has written some.

export class EventWake {
  #wake = () => {};

  listen(wake: () => void): void {
    this.#wake = wake;
  }

  /**
   * Runs a transaction, and wakes when it is committed and has called `wroteEvents`, also in a run
   * that was undone. `then` is called too.
   */
  async around<Result>(
    run: (wroteEvents: () => void) => Promise<Result>,
    then: () => void = () => {},
  ): Promise<Result> {
    let hasEvents = false;
    const result = await run(() => {
      hasEvents = true;
    });
    if (hasEvents) {
      this.#wake();
      then();
    }
    return result;
  }
}
