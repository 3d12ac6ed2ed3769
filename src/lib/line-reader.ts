// Cuts a stream of bytes into lines, and never holds more of it than one line may have: whoever
// sends no end of a line fills no memory.

const newline = 0x0a;
const firstBytes = 1024;

export class LineReader {
  readonly #bytesMax: number;
  #line = Buffer.allocUnsafe(firstBytes);
  /** How long the line is so far, also when it is longer than what is held of it. */
  #bytes = 0;

  constructor(lineBytesMax: number) {
    this.#bytesMax = lineBytesMax;
  }

  /** The lines that end in this chunk, without their ends; null for each that was too long. */
  *push(chunk: Buffer): Generator<string | null> {
    for (let from = 0; ; ) {
      const end = chunk.indexOf(newline, from);
      this.#take(chunk.subarray(from, end === -1 ? chunk.length : end));
      if (end === -1) return;
      const line =
        this.#bytes > this.#bytesMax ? null : this.#line.toString('utf8', 0, this.#bytes);
      this.#bytes = 0;
      from = end + 1;
      yield line;
    }
  }

  #take(piece: Buffer): void {
    const bytes = this.#bytes + piece.length;
    if (bytes > this.#bytesMax) this.#line = Buffer.allocUnsafe(firstBytes);
    else {
      if (bytes > this.#line.length) {
        const grown = Buffer.allocUnsafe(
          Math.min(this.#bytesMax, Math.max(bytes, 2 * this.#line.length)),
        );
        this.#line.copy(grown, 0, 0, this.#bytes);
        this.#line = grown;
      }
      piece.copy(this.#line, this.#bytes);
    }
    this.#bytes = bytes;
  }
}
