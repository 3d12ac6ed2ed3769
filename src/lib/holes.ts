// Finds where a content has long runs of zeros, while it is read anyway. A file is stored with
// holes there, and a download leaves them out.

export type Hole = readonly [start: number, end: number];

const zeros = Buffer.alloc(64 * 1024);

export function isZero(chunk: Buffer): boolean {
  for (let at = 0; at < chunk.length; at += zeros.length) {
    const part = chunk.subarray(at, at + zeros.length);
    if (!part.equals(zeros.subarray(0, part.length))) return false;
  }
  return true;
}

/** A shorter run is not worth a request of its own. */
const holeBytesMin = 1024 ** 2;
const holesMax = 1000;

const largest = (holes: Hole[]): Hole[] =>
  holes.toSorted((one, other) => other[1] - other[0] - (one[1] - one[0])).slice(0, holesMax);

/** Passes pieces on, and then knows the largest runs of zeros in them. */
export class HoleFinder {
  #holes: Hole[] = [];
  #run: { start: number; end: number } | null = null;
  #at = 0;

  async *watch(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      const end = this.#at + piece.length;
      if (!isZero(piece)) this.#close();
      else if (this.#run) this.#run.end = end;
      else this.#run = { start: this.#at, end };
      this.#at = end;
      yield piece;
    }
    this.#close();
  }

  #close(): void {
    if (this.#run && this.#run.end - this.#run.start >= holeBytesMin)
      this.#holes.push([this.#run.start, this.#run.end]);
    this.#run = null;
    if (this.#holes.length > 2 * holesMax) this.#holes = largest(this.#holes);
  }

  /** The largest of them, in their order in the content. */
  get holes(): Hole[] {
    return largest(this.#holes).toSorted((one, other) => one[0] - other[0]);
  }
}
