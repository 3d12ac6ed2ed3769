// Cuts a stream of bytes into lines. It never holds more bytes than one line may have, so that a
// sender which never ends its line cannot fill the memory.

const newline = 0x0a;
const firstBytes = 1024;

export class LineReader {
  readonly #bytesMax: number;
  #line = Buffer.allocUnsafe(firstBytes);
  /** The length of the current line so far. A line that is too long is counted, but not held. */
  #bytes = 0;

  constructor(lineBytesMax: number) {
    this.#bytesMax = lineBytesMax;
  }

  /** Yields the lines that end in this chunk, without newlines; null for each that is too long. */
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
