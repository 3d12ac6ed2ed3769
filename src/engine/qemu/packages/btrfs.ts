// Reads files and folders of btrfs on one disk, in all of its subvolumes. Blocks that are stored
// twice are read in one copy. Contents that are compressed with LZO, and data that is spread over
// several disks, are not read.

import { inflateSync, zstdDecompressSync } from 'node:zlib';
import {
  assertReadable,
  type Disk,
  damaged,
  type FileKind,
  FileTree,
  type Inode,
} from './file-tree.ts';

const headAt = 65_536;
const pageBytes = 65_536;
const headBytes = 4096;
/** Of one tree; and the items that one answer is made of. */
const [levelMax, nodesMax, itemsMax] = [8, 200_000, 2_000_000];
const chunksMax = 100_000;
const subvolumesMax = 16;
const compressedBytesMax = 1024 ** 2;
const nodeHeadBytes = 101;
const [keyBytes, itemBytes, pointerBytes] = [17, 25, 33];

const types = {
  inode: 1,
  name: 84,
  entry: 96,
  extent: 108,
  root: 132,
  chunk: 228,
} as const;
/** Kinds of chunks whose data is spread over several places. */
const spread = 0x8n | 0x40n | 0x80n | 0x100n;
const rootOfFiles = 5;
const rootDirectory = 6;
const firstInode = 256;

const kinds: Record<number, FileKind> = { 4: 'folder', 8: 'file', 10: 'link' };

interface Chunk {
  at: number;
  bytes: number;
  /** Null for one that is spread over several places. */
  place: number | null;
}

interface Tree {
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

const wide = (from: Buffer, at: number) => Number(from.readBigUInt64LE(at));

const keyAt = (from: Buffer, at: number): Key => ({
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
class Trees {
  readonly #disk: Disk;
  readonly #chunks: Chunk[] = [];
  readonly #device: number;
  readonly nodeBytes: number;
  readonly #nodes = new Map<number, Buffer>();
  readonly roots: Tree;

  constructor(disk: Disk, head: Buffer) {
    this.#disk = disk;
    this.nodeBytes = head.readUInt32LE(0x94);
    this.#device = wide(head, 0xc9);
    this.roots = { place: wide(head, 0x50), level: head.readUInt8(0xc6) };
    const isEven = Number.isInteger(Math.log2(this.nodeBytes));
    if (!isEven || this.nodeBytes < 4096 || this.nodeBytes > 65_536)
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
      if (oldest !== undefined && this.#nodes.size >= 1024) this.#nodes.delete(oldest);
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

/** Where a name leads: an inode of the same subvolume, or another subvolume. */
const locationOf = (data: Buffer) => ({
  ...keyAt(data, 0),
  name: data.toString('utf8', 30, 30 + data.readUInt16LE(27)),
});

class BtrfsFiles extends FileTree {
  protected readonly root: number;
  readonly #trees: Trees;
  /** Inodes have numbers of their own in each subvolume; those that were seen are counted here. */
  readonly #seen: { subvolume: number; object: number }[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #subvolumes = new Map<number, Tree | null>();

  constructor(disk: Disk, trees: Trees, subvolume: number) {
    super(disk, pageBytes);
    this.#trees = trees;
    this.root = this.#numberOf(subvolume, firstInode);
  }

  #numberOf(subvolume: number, object: number): number {
    const key = `${subvolume}:${object}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#seen.length >= itemsMax) throw damaged('it has too many files');
    this.#numbers.set(key, this.#seen.length);
    return this.#seen.push({ subvolume, object }) - 1;
  }

  async #placeOf(number: number): Promise<{ tree: Tree; object: number; subvolume: number }> {
    const seen = this.#seen[number];
    if (seen === undefined) throw damaged(`it names the inode ${number}`);
    const { subvolume, object } = seen;
    if (!this.#subvolumes.has(subvolume))
      this.#subvolumes.set(subvolume, await this.#trees.subvolume(subvolume));
    const tree = this.#subvolumes.get(subvolume);
    if (!tree) throw damaged(`it names the subvolume ${subvolume}`);
    return { tree, object, subvolume };
  }

  async inode(number: number): Promise<Inode> {
    const { tree, object } = await this.#placeOf(number);
    for await (const { data } of this.#trees.items(tree, object, types.inode)) {
      if (data.length < 148) break;
      const mode = data.readUInt32LE(52) & 0xffff;
      return {
        number,
        kind: kinds[mode >> 12] ?? 'other',
        mode,
        uid: data.readUInt32LE(44),
        gid: data.readUInt32LE(48),
        sizeBytes: wide(data, 16),
        modifiedS: Number(data.readBigInt64LE(136)),
        flags: 0,
        places: data,
      };
    }
    throw damaged(`inode ${object} is missing`);
  }

  async content({ number, sizeBytes }: Inode, bytesMax: number): Promise<Buffer> {
    assertReadable(sizeBytes, bytesMax);
    const { tree, object } = await this.#placeOf(number);
    const found = Buffer.alloc(sizeBytes);
    let left = 2 * sizeBytes + this.#trees.nodeBytes + compressedBytesMax;
    for await (const { offset, data } of this.#trees.items(tree, object, types.extent)) {
      if (offset >= sizeBytes) continue;
      const written = await this.#fillExtent(found.subarray(offset), data);
      left -= written;
      if (left < 0) throw damaged('parts of a file lie over each other');
    }
    return found;
  }

  /** Fills the beginning of a buffer from an extent, and returns how many bytes it had. */
  async #fillExtent(target: Buffer, data: Buffer): Promise<number> {
    if (data.length < 21) throw damaged('an extent');
    const [packing, form] = [data.readUInt8(16), data.readUInt8(20)];
    if (data.readUInt8(17) !== 0) throw new Error('it is encrypted');
    const unpackedBytes = wide(data, 8);
    if (form === 0) {
      if (unpackedBytes > compressedBytesMax) throw damaged('an extent');
      return unpacked(packing, data.subarray(21), unpackedBytes).copy(target);
    }
    if (data.length < 53) throw damaged('an extent');
    const [place, storedBytes] = [wide(data, 21), wide(data, 29)];
    const [skip, bytes] = [wide(data, 37), wide(data, 45)];
    const part = target.subarray(0, bytes);
    // One of form 2 is set aside, and was not written yet; one at 0 is a hole.
    if (place === 0 || form !== 1) return part.length;
    if (packing === 0) {
      await this.#trees.fill(part, place + skip);
      return part.length;
    }
    if (storedBytes > compressedBytesMax || unpackedBytes > compressedBytesMax)
      throw damaged('an extent');
    const stored = Buffer.alloc(storedBytes);
    await this.#trees.fill(stored, place);
    const content = unpacked(packing, stored, unpackedBytes);
    return content.subarray(skip, skip + part.length).copy(part);
  }

  async folder({ number }: Inode): Promise<Map<string, number>> {
    const { tree, object, subvolume } = await this.#placeOf(number);
    const found = new Map<string, number>();
    for await (const { data } of this.#trees.items(tree, object, types.entry)) {
      if (data.length < 30) throw damaged('a folder');
      const { name, type, object: to } = locationOf(data);
      found.set(
        name,
        type === types.root ? this.#numberOf(to, firstInode) : this.#numberOf(subvolume, to),
      );
    }
    return found;
  }
}

function unpacked(packing: number, stored: Buffer, bytes: number): Buffer {
  const limit = { maxOutputLength: Math.max(bytes, 1) };
  if (packing === 0) return stored.subarray(0, bytes);
  if (packing === 1) return inflateSync(stored, limit);
  if (packing === 3) return zstdDecompressSync(oneFrame(stored), limit);
  throw new Error('it is compressed with LZO, which is not read here');
}

/** The zeros that follow a frame in its last block are no frame. */
function oneFrame(stored: Buffer): Buffer {
  let end = stored.length;
  while (end > 0 && stored[end - 1] === 0) end--;
  return stored.subarray(0, end);
}

/**
 * Opens the file system that fills a disk, or a part of one: the subvolume that is mounted when
 * nobody names one, and then those at its top, one of which may be the root of the system.
 */
export async function openBtrfs(disk: Disk): Promise<FileTree[]> {
  const head = await disk.read(headAt, headBytes);
  const trees = new Trees(disk, head);
  await trees.readChunks(head);
  const found = [rootOfFiles];
  for await (const { data } of trees.items(trees.roots, rootDirectory, types.name)) {
    if (data.length < 30) throw damaged('a folder');
    const { name, type, object } = locationOf(data);
    if (name === 'default' && type === types.root) found[0] = object;
  }
  const top = await trees.subvolume(rootOfFiles);
  if (top !== null)
    for await (const { data } of trees.items(top, firstInode, types.entry)) {
      if (data.length < 30) throw damaged('a folder');
      const { type, object } = locationOf(data);
      if (type === types.root && found.length < subvolumesMax) found.push(object);
    }
  return found.map((id) => new BtrfsFiles(disk, trees, id));
}
