// Wakes a loop that rests between its rounds. A nudge that comes while the loop works is kept, so
// the loop does not rest before the round that it asks for.

export class Nudge {
  #isSet = false;
  #wake: (() => void) | null = null;

  /** Asks for one more round. */
  nudge(): void {
    this.#isSet = true;
    this.wake();
  }

  /** Ends the rest without asking for a round. Does nothing when the loop does not rest. */
  wake(): void {
    this.#wake?.();
  }

  /** Whether a round was asked for since the last call. */
  take(): boolean {
    const wasSet = this.#isSet;
    this.#isSet = false;
    return wasSet;
  }

  get isSet(): boolean {
    return this.#isSet;
  }

  /** Resolves after `ms`, or as soon as it is woken or nudged; at once after a nudge. */
  async sleep(ms: number): Promise<void> {
    if (this.#isSet) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}
