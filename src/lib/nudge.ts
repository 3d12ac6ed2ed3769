// Wakes a loop that rests between its rounds. A nudge that comes while the loop works is kept, so
// the loop does not rest before the round that it asks for.

import { type Clock, systemClock } from './clock.ts';

export class Nudge {
  readonly #clock: Pick<Clock, 'sleep'>;
  #isSet = false;
  #wake: (() => void) | null = null;

  constructor(clock: Pick<Clock, 'sleep'> = systemClock) {
    this.#clock = clock;
  }

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

  /**
   * Rests for `ms`, or until it is woken or nudged; not at all after a nudge. Resolves to whether
   * the time has passed.
   */
  async sleep(ms: number): Promise<boolean> {
    if (this.#isSet) return false;
    const woken = new AbortController();
    this.#wake = () => woken.abort(new Error('woken'));
    const hasPassed = await this.#clock.sleep(ms, woken.signal).then(
      () => true,
      () => false,
    );
    this.#wake = null;
    return hasPassed;
  }
}
