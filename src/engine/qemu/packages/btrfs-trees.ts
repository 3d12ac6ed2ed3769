// The trees in which btrfs keeps everything, and the chunks that tell where their places lie on the
// disk. Blocks that are stored twice are read in one copy.

import { type Disk, damaged } from './file-tree.ts';

const chunksMax = 100_000;
/** Of one tree; and the items that one answer is made of. */
const [levelMax, nodesMax] = [8, 200_000];
export const itemsMax = 2_000_000;
const nodesKeptMax = 1024;
const nodeHeadBytes = 101;
const [keyBytes, itemBytes, pointerBytes] = [17, 25, 33];

export const types = {
  inode: 1,
  name: 84,
  entry: 96,
  extent: 108,
  root: 132,
  chunk: 228,
} as const;
/** Kinds of chunks whose data is spread over several places. */
const spread = 0x8n | 0x40n | 0x80n | 0x100n;
interface Chunk {
  at: number;
  bytes: number;
  /** Null for one that is spread over several places. */
  place: number | null;
}

export interface Tree {
  place: number;
  level: number;
}

interface Item {
  offset: number;
  data: Buffer;
}

interface Key {
  object: number;
  type: number;
  offset: number;
}

export const wide = (from: Buffer, at: number) => Number(from.readBigUInt64LE(at));

export const keyAt = (from: Buffer, at: number): Key => ({
  object: wide(from, at),
  type: from.readUInt8(at + 8),
  offset: wide(from, at + 9),
});

/** Whether a key comes before the items of an object that have a type. */
const isBefore = (key: Key, object: number, type: number) =>
  key.object < object || (key.object === object && key.type < type);
const isBehind = (key: Key, object: number, type: number) =>
  key.object > object || (key.object === object && key.type > type);

/** The trees of a disk, which all subvolumes share. */
export class Trees {
  readonly #disk: Disk;
  readonly #chunks: Chunk[] = [];
  readonly #device: number;
  readonly nodeBytes: number;
  readonly sectorBytes: number;
  readonly #nodes = new Map<number, Buffer>();
  readonly roots: Tree;

  constructor(disk: Disk, head: Buffer) {
    this.#disk = disk;
    this.sectorBytes = head.readUInt32LE(0x90);
    this.nodeBytes = head.readUInt32LE(0x94);
    this.#device = wide(head, 0xc9);
    this.roots = { place: wide(head, 0x50), level: head.readUInt8(0xc6) };
    for (const bytes of [this.sectorBytes, this.nodeBytes])
      if (!Number.isInteger(Math.log2(bytes)) || bytes < 4096 || bytes > 65_536)
        throw damaged('the sizes of its tables');
    const arrayBytes = Math.min(head.readUInt32LE(0xa0), 2048);
    for (let at = 0x32b; at + keyBytes + 48 <= 0x32b + arrayBytes; ) {
      const { offset } = keyAt(head, at);
      const stripes = this.#addChunk(offset, head.subarray(at + keyBytes));
      at += keyBytes + 48 + stripes * 32;
    }
  }

  async readChunks(head: Buffer): Promise<void> {
    const tree = { place: wide(head, 0x58), level: head.readUInt8(0xc7) };
    for await (const { offset, data } of this.items(tree, 256, types.chunk))
      this.#addChunk(offset, data);
    this.#chunks.sort((one, other) => one.at - other.at);
  }

  #addChunk(at: number, data: Buffer): number {
    if (data.length < 48 || this.#chunks.length >= chunksMax) throw damaged('its chunks');
    const stripes = data.readUInt16LE(44);
    if (data.length < 48 + stripes * 32 && stripes > 64) throw damaged('its chunks');
    const isSpread = stripes > 1 && (data.readBigUInt64LE(24) & spread) !== 0n;
    let place: number | null = null;
    for (let each = 0; each < stripes && !isSpread && place === null; each++) {
      const stripe = 48 + each * 32;
      if (stripe + 16 > data.length) throw damaged('its chunks');
      if (wide(data, stripe) === this.#device) place = wide(data, stripe + 8);
    }
    if (!this.#chunks.some((one) => one.at === at))
      this.#chunks.push({ at, bytes: wide(data, 0), place });
    return stripes;
  }

  /** Fills a buffer from a logical place, which lies in one or several chunks. */
  async fill(target: Buffer, from: number): Promise<void> {
    for (let done = 0; done < target.length; ) {
      const at = from + done;
      const chunk = this.#chunks.find((one) => at >= one.at && at < one.at + one.bytes);
      if (chunk === undefined) throw damaged(`it names the place ${at}`);
      if (chunk.place === null) throw new Error('its data is spread over several disks');
      const end = Math.min(target.length, done + chunk.at + chunk.bytes - at);
      await this.#disk.fill(target.subarray(done, end), chunk.place + at - chunk.at);
      done = end;
    }
  }

  async #node(place: number, level: number): Promise<Buffer> {
    let node = this.#nodes.get(place);
    if (node === undefined) {
      node = Buffer.alloc(this.nodeBytes);
      await this.fill(node, place);
      const [oldest] = this.#nodes.keys();
      if (oldest !== undefined && this.#nodes.size >= nodesKeptMax) this.#nodes.delete(oldest);
      this.#nodes.set(place, node);
    }
    if (wide(node, 48) !== place || node.readUInt8(100) !== level) throw damaged('a tree');
    return node;
  }

  /** The items of an object that have a type, in order. */
  items(tree: Tree, object: number, type: number): AsyncGenerator<Item> {
    if (tree.level > levelMax) throw damaged('a tree');
    return this.#walk(tree.place, tree.level, [object, type], { nodes: nodesMax, items: itemsMax });
  }

  async *#walk(
    place: number,
    level: number,
    [object, type]: readonly [object: number, type: number],
    budget: { nodes: number; items: number },
  ): AsyncGenerator<Item> {
    if (--budget.nodes < 0) throw damaged('a tree');
    const node = await this.#node(place, level);
    const count = node.readUInt32LE(96);
    const each = level === 0 ? itemBytes : pointerBytes;
    if (nodeHeadBytes + count * each > node.length) throw damaged('a tree');
    for (let index = 0; index < count; index++) {
      const at = nodeHeadBytes + index * each;
      const key = keyAt(node, at);
      if (isBehind(key, object, type)) return;
      if (level > 0) {
        const isLast = index + 1 === count;
        if (!isLast && isBefore(keyAt(node, at + each), object, type)) continue;
        yield* this.#walk(wide(node, at + keyBytes), level - 1, [object, type], budget);
        continue;
      }
      if (isBefore(key, object, type)) continue;
      const [start, bytes] = [node.readUInt32LE(at + keyBytes), node.readUInt32LE(at + 21)];
      if (nodeHeadBytes + start + bytes > node.length || --budget.items < 0)
        throw damaged('a tree');
      const from = nodeHeadBytes + start;
      yield { offset: key.offset, data: node.subarray(from, from + bytes) };
    }
  }

  /** The tree of files of a subvolume; null when there is none. */
  async subvolume(id: number): Promise<Tree | null> {
    for await (const { data } of this.items(this.roots, id, types.root))
      if (data.length >= 239) return { place: wide(data, 176), level: data.readUInt8(238) };
    return null;
  }
}
