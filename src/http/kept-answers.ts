// Keeps the answers of reads. Within one second, and while nothing in the store changes, the same
// request of an organisation has the same answer to the byte, because an answer depends on the
// request, on the store, and on the time, which it shows in whole seconds.

/** The most bytes of all answers, and of one. */
const bytesMax = 16 * 1024 ** 2;
const answerBytesMax = 256 * 1024;
const answersMax = 10_000;
/** A longer key is hardly asked for twice. */
const keyLengthMax = 512;

export class KeptAnswers {
  #answers = new Map<string, Buffer | Promise<Buffer>>();
  #bytes = 0;
  #state = '';

  /**
   * Returns the answer that is kept for a state of the store and second, or that is being made for
   * it; else makes it. `state` is asked for before.
   */
  get(state: string, key: string, make: () => Promise<Buffer>): Buffer | Promise<Buffer> {
    if (state !== this.#state) {
      this.#answers = new Map();
      this.#bytes = 0;
      this.#state = state;
    }
    const answers = this.#answers;
    const before = answers.get(key);
    if (before) return before;
    const answer = make();
    if (key.length > keyLengthMax || answers.size >= answersMax) return answer;
    answers.set(key, answer);
    answer.then(
      (bytes) => {
        if (answers !== this.#answers) return;
        const isKept = bytes.length <= answerBytesMax && this.#bytes + bytes.length <= bytesMax;
        if (isKept) {
          answers.set(key, bytes);
          this.#bytes += bytes.length;
        } else answers.delete(key);
      },
      () => answers.delete(key),
    );
    return answer;
  }
}
