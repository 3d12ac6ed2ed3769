// Reads server-sent events from pieces of bytes.

/** One block of the stream. A block that only moves the place has no data. */
export interface Frame {
  id: string | undefined;
  event: string;
  /** The JSON of the block; undefined without data. */
  data: unknown;
  /** The time to wait before another connection; undefined when the block does not say. */
  retryMs: number | undefined;
}

/** More than any event has. */
const lineCharsMax = 4 * 1024 ** 2;

const empty = (): Frame => ({
  id: undefined,
  event: 'message',
  data: undefined,
  retryMs: undefined,
});

export class Frames {
  readonly #decoder = new TextDecoder();
  #line = '';
  #frame = empty();
  #data = '';

  /** Yields the blocks that end in this piece. Throws for data that is not JSON. */
  *push(piece: Uint8Array): Generator<Frame> {
    // Only the new text is searched for newlines, because a line may come in thousands of pieces.
    const [more = '', ...lines] = this.#decoder.decode(piece, { stream: true }).split('\n');
    this.#line += more;
    if (this.#line.length + this.#data.length > lineCharsMax)
      throw new Error(`an event is longer than ${lineCharsMax} characters`);
    for (const next of lines) {
      const line = this.#line;
      this.#line = next;
      const text = line.endsWith('\r') ? line.slice(0, -1) : line;
      if (text !== '') this.#read(text);
      else {
        yield { ...this.#frame, data: this.#data === '' ? undefined : JSON.parse(this.#data) };
        this.#frame = empty();
        this.#data = '';
      }
    }
  }

  #read(line: string): void {
    const colon = line.indexOf(':');
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.#data += value;
    else if (name === 'event') this.#frame.event = value;
    else if (name === 'id') this.#frame.id = value;
    else if (name === 'retry' && /^\d{1,9}$/.test(value)) this.#frame.retryMs = Number(value);
  }
}
