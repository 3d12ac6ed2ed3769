// Late work of guests: nobody waits for it, and it takes the processors from machines that start,
// so it begins when none starts. It lives in memory: when a server ends, the channels to its guests
// are closed, and they begin at once.

const everyMs = 250;
/** It begins after this time, whatever starts. */
const limitMs = 20_000;

export class LateWork {
  #starts = 0;
  readonly #waiting: { work: () => void; dueAt: number }[] = [];
  #timer: NodeJS.Timeout | null = null;
  readonly #limitMs: number;

  constructor(ms = limitMs) {
    this.#limitMs = ms;
  }

  /** Runs a start, for which late work waits. */
  async during<Result>(start: () => Promise<Result>): Promise<Result> {
    this.#starts++;
    try {
      return await start();
    } finally {
      this.#starts--;
    }
  }

  /** The work must not throw. Pieces of it begin one after the other. */
  add(work: () => void): void {
    this.#waiting.push({ work, dueAt: performance.now() + this.#limitMs });
    // It does not keep a process alive that has nothing else to do.
    this.#timer ??= setInterval(() => this.#next(), everyMs).unref();
  }

  /** Begins all that waits. */
  close(): void {
    for (const { work } of this.#waiting.splice(0)) work();
    this.#rest();
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first && (this.#starts === 0 || performance.now() >= first.dueAt)) {
      this.#waiting.shift();
      first.work();
    }
    if (this.#waiting.length === 0) this.#rest();
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
