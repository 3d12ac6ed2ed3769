// Keeps the answers of reads. Within one second, and while nothing in the store changes, the same
// request of an organisation has the same answer to the byte, because an answer depends on the
// request, on the store, and on the time, which it shows in whole seconds.

/** The most bytes of all answers, and of one. */
const bytesMax = 16 * 1024 ** 2;
const answerBytesMax = 256 * 1024;
/** A longer key is hardly asked for twice. */
const keyLengthMax = 512;

export class KeptAnswers {
  readonly #answers = new Map<string, Buffer>();
  #bytes = 0;
  #state = '';

  /** Finds an answer that is right in a state of the store and second; forgets all others. */
  find(state: string, key: string): Buffer | undefined {
    if (state === this.#state) return this.#answers.get(key);
    this.#answers.clear();
    this.#bytes = 0;
    this.#state = state;
    return undefined;
  }

  /** `state` was asked for before the answer was read; nothing is kept when it is over. */
  keep(state: string, key: string, answer: Buffer): void {
    if (state !== this.#state || key.length > keyLengthMax) return;
    if (answer.length > answerBytesMax || this.#bytes + answer.length > bytesMax) return;
    this.#answers.set(key, answer);
    this.#bytes += answer.length;
  }
}
