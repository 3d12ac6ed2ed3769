// Reads the disk of a chain of layers, each a qcow2 file of our own engine. It opens the files that
// it is given and none that a header names. A guest that has taken over its QEMU may have written
// the tables, so nothing in them is believed: what lies outside a file reads as zeros, and memory
// is bounded.

import { type FileHandle, open } from 'node:fs/promises';

const pageBytes = 65_536;
/** Of the tables of one layer. */
const pagesKeptMax = 16;
const word = 2 ** 32;
const extendedTables = 0b10000n;
const subclusters = 32;

interface Piece {
  /**
   * Where the bytes lie in the layer's file; `zero`: they are zeros; `below`: in the next layer.
   */
  place: number | 'zero' | 'below';
  bytes: number;
}

class Layer {
  readonly #file: FileHandle;
  readonly #pages = new Map<number, Buffer>();
  readonly #clusterBytes: number;
  readonly #l1Offset: number;
  readonly #l1Entries: number;
  readonly #entryBytes: 8 | 16;
  readonly virtualBytes: number;

  constructor(file: FileHandle, head: Buffer) {
    const clusterBits = head.readUInt32BE(20);
    if (head.toString('latin1', 0, 4) !== 'QFI\xfb' || clusterBits < 9 || clusterBits > 21)
      throw new Error('a layer is no qcow2 file');
    this.#file = file;
    this.#clusterBytes = 2 ** clusterBits;
    this.#l1Entries = head.readUInt32BE(36);
    this.#l1Offset = Number(head.readBigUInt64BE(40));
    const features = head.readUInt32BE(4) === 3 ? head.readBigUInt64BE(72) : 0n;
    this.#entryBytes = (features & extendedTables) !== 0n ? 16 : 8;
    this.virtualBytes = Number(head.readBigUInt64BE(24));
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async read(target: Buffer, place: number): Promise<void> {
    for (let at = 0; at < target.length; ) {
      const { bytesRead } = await this.#file.read(target, at, target.length - at, place + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
  }

  /** Eight bytes of a table, as two numbers. */
  async #entry(place: number): Promise<[high: number, low: number]> {
    const start = Math.floor(place / pageBytes) * pageBytes;
    let page = this.#pages.get(start);
    if (page === undefined) {
      page = Buffer.alloc(pageBytes + 8);
      await this.read(page, start);
      const [oldest] = this.#pages.keys();
      if (oldest !== undefined && this.#pages.size >= pagesKeptMax) this.#pages.delete(oldest);
      this.#pages.set(start, page);
    }
    return [page.readUInt32BE(place - start), page.readUInt32BE(place - start + 4)];
  }

  /** Where the bytes from an offset on lie, as far as they lie together, and at most `most`. */
  async find(offset: number, most: number): Promise<Piece> {
    const within = offset % this.#clusterBytes;
    const bytes = Math.min(most, this.#clusterBytes - within);
    const cluster = Math.floor(offset / this.#clusterBytes);
    const perTable = this.#clusterBytes / this.#entryBytes;
    const row = Math.floor(cluster / perTable);
    if (row >= this.#l1Entries) return { place: 'below', bytes };
    const table = placeOf(await this.#entry(this.#l1Offset + row * 8));
    if (table === 0) return { place: 'below', bytes };
    const at = table + (cluster % perTable) * this.#entryBytes;
    const entry = await this.#entry(at);
    if ((entry[0] & 0x40000000) !== 0) throw new Error('a layer has a compressed cluster');
    const place = placeOf(entry);
    if (this.#entryBytes === 16)
      return this.#subcluster(await this.#entry(at + 8), place, offset, most);
    if ((entry[1] & 1) === 1) return { place: 'zero', bytes };
    return { place: place === 0 ? 'below' : place + within, bytes };
  }

  #subcluster(
    [zeros, there]: [number, number],
    place: number,
    offset: number,
    most: number,
  ): Piece {
    const size = this.#clusterBytes / subclusters;
    const within = offset % this.#clusterBytes;
    const bit = 2 ** Math.floor(within / size);
    const bytes = Math.min(most, size - (within % size));
    if (has(zeros, bit)) return { place: 'zero', bytes };
    return { place: has(there, bit) && place !== 0 ? place + within : 'below', bytes };
  }
}

const has = (bits: number, bit: number) => Math.floor(bits / bit) % 2 === 1;

/** The place that an entry names, without its flags; 0 for none. */
const placeOf = ([high, low]: [number, number]) =>
  (high & 0x00ffffff) * word + ((low & 0xfffffe00) >>> 0);

export class ChainDisk {
  readonly #layers: readonly Layer[];
  readonly bytes: number;

  constructor(layers: readonly Layer[]) {
    this.#layers = layers;
    this.bytes = layers[0]?.virtualBytes ?? 0;
  }

  async close(): Promise<void> {
    for (const layer of this.#layers) await layer.close();
  }

  /** Fills the buffer from a place on the disk. What is beyond the end of the disk is zeros. */
  async fill(target: Buffer, offset: number): Promise<void> {
    target.fill(0);
    await this.#fillFrom(0, target, offset);
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const target = Buffer.alloc(length);
    await this.fill(target, offset);
    return target;
  }

  async #fillFrom(index: number, target: Buffer, offset: number): Promise<void> {
    const layer = this.#layers[index];
    if (layer === undefined) return;
    const length = Math.min(target.length, Math.max(0, layer.virtualBytes - offset));
    for (let at = 0; at < length; ) {
      const { place, bytes } = await layer.find(offset + at, length - at);
      const part = target.subarray(at, at + bytes);
      if (place === 'below') await this.#fillFrom(index + 1, part, offset + at);
      else if (place !== 'zero') await layer.read(part, place);
      at += bytes;
    }
  }
}

/** Opens the files of a chain, the layer on top first. */
export async function openChain(paths: readonly string[]): Promise<ChainDisk> {
  const [files, layers]: [FileHandle[], Layer[]] = [[], []];
  try {
    for (const path of paths) {
      const file = await open(path, 'r');
      files.push(file);
      const head = Buffer.alloc(112);
      await file.read(head, 0, head.length, 0);
      layers.push(new Layer(file, head));
    }
    return new ChainDisk(layers);
  } catch (error) {
    for (const file of files) await file.close();
    throw error;
  }
}
