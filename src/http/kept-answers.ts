// Keeps the answers of reads. While nothing in the store changes, the same request of an
// organisation has the same answer but for the time that ends it, in whole seconds, because an
// answer depends on the request and the store. An answer that depends on the time in another way is
// not kept.

import { SharedRun } from '../lib/shared-run.ts';
import { timestampOf } from './errors.ts';

/** The most bytes of all answers, and of one; and the most answers. */
const bytesMax = 16 * 1024 ** 2;
const answerBytesMax = 256 * 1024;
const answersMax = 10_000;
/** A longer key is hardly asked for twice. */
const keyLengthMax = 512;

interface Made {
  /** JSON that ends with its timestamp. */
  text: string;
  /** Whether nothing else in it depends on the time. */
  isTimeless: boolean;
}

/** An answer without the time at its end, and whole for the second in which it was last given. */
class Kept {
  readonly #head: Buffer;
  #second: number;
  #whole: Buffer;

  constructor(whole: Buffer, now: number) {
    this.#head = whole.subarray(0, -Buffer.byteLength(endOf(now)));
    this.#second = secondOf(now);
    this.#whole = whole;
  }

  at(now: number): Buffer {
    if (secondOf(now) !== this.#second) {
      this.#whole = Buffer.concat([this.#head, Buffer.from(endOf(now))]);
      this.#second = secondOf(now);
    }
    return this.#whole;
  }
}

const secondOf = (now: number) => Math.floor(now / 1000);
const endOf = (now: number) => `"${timestampOf(now)}"}`;

export class KeptAnswers {
  #answers = new Map<string, Kept | Promise<Buffer>>();
  readonly #shared = new SharedRun<Buffer>();
  #bytes = 0;
  #version: number | null = null;

  /** Returns the answer that is kept for a version of the store, which is asked before. */
  find(version: number | null, key: string, now: number): Buffer | undefined {
    const before = version === this.#version ? this.#answers.get(key) : undefined;
    return before instanceof Kept ? before.at(now) : undefined;
  }

  /**
   * Returns the answer that is kept for a version of the store, or is being made for it; else makes
   * it. `version` is asked before. Without one nothing is kept, but those who ask at the same time
   * get the same answer.
   */
  get(
    version: number | null,
    key: string,
    now: number,
    make: () => Promise<Made>,
  ): Buffer | Promise<Buffer> {
    if (version === null || key.length > keyLengthMax)
      return this.#shared.run(key, async () => Buffer.from((await make()).text));
    if (version !== this.#version) {
      this.#answers = new Map();
      this.#bytes = 0;
      this.#version = version;
    }
    const before = this.#answers.get(key);
    if (before) return before instanceof Kept ? before.at(now) : before;
    const answer = this.#make(this.#answers, key, now, make);
    this.#answers.set(key, answer);
    return answer;
  }

  async #make(
    answers: Map<string, unknown>,
    key: string,
    now: number,
    make: () => Promise<Made>,
  ): Promise<Buffer> {
    try {
      const { text, isTimeless } = await make();
      const whole = Buffer.from(text);
      if (isTimeless && answers === this.#answers) this.#keep(key, whole, now);
      return whole;
    } finally {
      if (answers.get(key) instanceof Promise) answers.delete(key);
    }
  }

  #keep(key: string, whole: Buffer, now: number): void {
    const isSmall = whole.length <= answerBytesMax && this.#bytes + whole.length <= bytesMax;
    if (!isSmall || this.#answers.size > answersMax) return;
    this.#answers.set(key, new Kept(whole, now));
    this.#bytes += whole.length;
  }
}
