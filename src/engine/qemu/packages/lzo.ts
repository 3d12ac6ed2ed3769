// Unpacks LZO as btrfs writes it: pieces of one sector each, packed by LZO1X, with their lengths
// before them. A guest wrote it, so each length and distance is compared with its limit.
// The form is that of lib/lzo/lzo1x_decompress_safe.c and fs/btrfs/lzo.c of Linux.

import { damaged } from './file-tree.ts';

const lengthBytes = 4;

/** Reads one packed piece, and writes what it unpacks to. */
class Unpacking {
  readonly #from: Buffer;
  readonly #to: Buffer;
  #at = 0;
  written = 0;

  constructor(from: Buffer, to: Buffer) {
    this.#from = from;
    this.#to = to;
  }

  #byte(): number {
    const found = this.#from[this.#at++];
    if (found === undefined) throw damaged('what is compressed with LZO');
    return found;
  }

  #pair(): number {
    return this.#byte() + this.#byte() * 256;
  }

  /** A length that goes on in the following bytes when its bits in the first one are all 0. */
  #length(bits: number, most: number): number {
    if (bits !== 0) return bits;
    let length = most;
    for (let byte = this.#byte(); ; byte = this.#byte()) {
      if (byte !== 0) return length + byte;
      length += 255;
    }
  }

  #copy(count: number): void {
    const end = this.written + count;
    if (end > this.#to.length) throw damaged('what is compressed with LZO');
    while (this.written < end) this.#to[this.written++] = this.#byte();
  }

  /** Repeats bytes that were written; the two parts may overlap. */
  #repeat(distance: number, count: number): void {
    const end = this.written + count;
    if (distance > this.written || end > this.#to.length)
      throw damaged('what is compressed with LZO');
    for (; this.written < end; this.written++)
      this.#to[this.written] = this.#to[this.written - distance] ?? 0;
  }

  run(): void {
    // How many bytes were copied before the next code: 1 to 3, 4 for more, 0 for none.
    let copied = 0;
    const first = this.#from[0] ?? 0;
    if (first > 17) {
      this.#at = 1;
      this.#copy(first - 17);
      copied = Math.min(4, first - 17);
    }
    while (true) {
      const code = this.#byte();
      if (code < 16 && copied === 0) {
        this.#copy(this.#length(code, 15) + 3);
        copied = 4;
        continue;
      }
      const more = this.#match(code, copied);
      if (more === null) return;
      this.#copy(more);
      copied = more;
    }
  }

  /** Carries out a repetition. Returns how many bytes follow as they are; null at the end. */
  #match(code: number, copied: number): number | null {
    if (code < 16) {
      const near = (code >> 2) + this.#byte() * 4 + 1;
      if (copied === 4) this.#repeat(near + 0x800, 3);
      else this.#repeat(near, 2);
      return code & 3;
    }
    if (code >= 64) {
      this.#repeat(((code >> 2) & 7) + this.#byte() * 8 + 1, (code >> 5) + 1);
      return code & 3;
    }
    if (code >= 32) {
      const count = this.#length(code & 31, 31) + 2;
      const pair = this.#pair();
      this.#repeat((pair >> 2) + 1, count);
      return pair & 3;
    }
    const count = this.#length(code & 7, 7) + 2;
    const pair = this.#pair();
    const far = (code & 8) * 2048 + (pair >> 2);
    if (far === 0) return null;
    this.#repeat(far + 0x4000, count);
    return pair & 3;
  }
}

/** Unpacks to at most so many bytes. Throws an Error for what is damaged. */
export function unpackLzo(stored: Buffer, bytes: number, sectorBytes: number): Buffer {
  const found = Buffer.alloc(bytes);
  if (stored.length < lengthBytes) throw damaged('what is compressed with LZO');
  const end = Math.min(stored.readUInt32LE(0), stored.length);
  let at = lengthBytes;
  let written = 0;
  while (written < bytes && at + lengthBytes <= end) {
    // No length lies across the border of two sectors.
    const left = sectorBytes - (at % sectorBytes);
    if (left < lengthBytes) at += left;
    if (at + lengthBytes > end) break;
    const length = stored.readUInt32LE(at);
    at += lengthBytes;
    if (length === 0 || at + length > end) throw damaged('what is compressed with LZO');
    const piece = new Unpacking(
      stored.subarray(at, at + length),
      found.subarray(written, written + sectorBytes),
    );
    piece.run();
    written += piece.written;
    at += length;
  }
  return found.subarray(0, written);
}
