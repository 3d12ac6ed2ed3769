// Keeps the beginning and the end of an output of any length.

const headBytesMax = 64 * 1024;
const tailBytesMax = 192 * 1024;

export class OutputTail {
  bytes = 0;
  #head = Buffer.alloc(0);
  #tail = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    const room = headBytesMax - this.#head.length;
    if (room > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, room)]);
    const rest = room > 0 ? chunk.subarray(room) : chunk;
    if (rest.length > 0) this.#tail = Buffer.concat([this.#tail, rest]).subarray(-tailBytesMax);
  }

  /** The last bytes, for finding a mark in them. */
  tail(): string {
    return Buffer.concat([this.#head, this.#tail]).subarray(-1024).toString();
  }

  toString(): string {
    const left = this.bytes - this.#head.length - this.#tail.length;
    const gap = left > 0 ? `\n… ${left} bytes left out …\n` : '';
    return (this.#head.toString() + gap + this.#tail.toString()).replaceAll('\r\n', '\n');
  }
}
