// Reads files and folders of XFS, of version 4 and 5.

import {
  assertReadable,
  type Disk,
  damaged,
  FileTree,
  type Inode,
  kindOf,
  type Run,
} from './file-tree.ts';

const folderBytesMax = 32 * 1024 ** 2;
/** Of the tree of extents of one file. */
const [depthMax, nodesMax] = [8, 100_000];
const wordBytes = 8;
const extentBytes = 16;

/** Features that the numbers in an inode depend on, and those with which a disk can be read. */
const incompat = { fileTypes: 0x1, wideTimes: 0x8, wideCounts: 0x20 };
const incompatKnown = 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x40 | 0x80;
const incompatOld = 0x200;
const flags = { realtime: 0x1, wideTimes: 0x8n, wideCounts: 0x10n };
/** Where the content of an inode is. */
const [inPlace, inExtents, inTree] = [1, 2, 3];
const linkHeaderBytes = 56;

interface Extent {
  /** In blocks of the file. */
  at: number;
  place: number;
  blocks: number;
  isSetAside: boolean;
}

const wide = (from: Buffer, at: number) => Number(from.readBigUInt64BE(at));

class XfsFiles extends FileTree {
  protected readonly root: number;
  readonly #version: number;
  readonly #blockBytes: number;
  readonly #blocksPerGroup: number;
  readonly #groups: number;
  readonly #inodeBytes: number;
  readonly #inodeBits: number;
  readonly #groupBits: number;
  readonly #folderBlockBytes: number;
  readonly #features: number;
  readonly #hasFileTypes: boolean;

  constructor(disk: Disk, head: Buffer) {
    super(disk);
    this.#version = head.readUInt16BE(100) & 0xf;
    this.#blockBytes = head.readUInt32BE(4);
    this.#blocksPerGroup = head.readUInt32BE(84);
    this.#groups = head.readUInt32BE(88);
    this.#inodeBytes = head.readUInt16BE(104);
    this.#inodeBits = head.readUInt8(123);
    this.#groupBits = head.readUInt8(124);
    this.#folderBlockBytes = this.#blockBytes * 2 ** head.readUInt8(192);
    this.root = wide(head, 56);
    this.#features = this.#version === 5 ? head.readUInt32BE(216) : 0;
    this.#hasFileTypes =
      this.#version === 5
        ? (this.#features & incompat.fileTypes) !== 0
        : (head.readUInt32BE(200) & incompatOld) !== 0;
    const isPower = (number: number) => number > 0 && Number.isInteger(Math.log2(number));
    const isEven =
      isPower(this.#blockBytes) &&
      this.#blockBytes >= 512 &&
      this.#blockBytes <= 65_536 &&
      isPower(this.#inodeBytes) &&
      this.#inodeBytes >= 256 &&
      this.#inodeBytes <= 2048 &&
      this.#folderBlockBytes <= 65_536;
    if (!isEven || this.#inodeBits > 8 || this.#groupBits > 32)
      throw damaged('the sizes of its tables');
    if (this.#version !== 4 && this.#version !== 5)
      throw new Error(`the file system has a version that is not read (${this.#version})`);
    const unknown = this.#features & ~incompatKnown;
    if (unknown !== 0)
      throw new Error(`the file system has a feature that is not read (0x${unknown.toString(16)})`);
  }

  /**
   * The byte at which a block of the file system lies, whose number has that of its group in it.
   */
  #placeOf(block: number): number {
    const perGroup = 2 ** this.#groupBits;
    const [group, within] = [Math.floor(block / perGroup), block % perGroup];
    if (group >= this.#groups || within >= this.#blocksPerGroup)
      throw damaged(`it names the block ${block}`);
    return (group * this.#blocksPerGroup + within) * this.#blockBytes;
  }

  async inode(number: number): Promise<Inode> {
    const perBlock = 2 ** this.#inodeBits;
    if (!Number.isSafeInteger(number) || number < 1) throw damaged(`it names the inode ${number}`);
    const place = this.#placeOf(Math.floor(number / perBlock));
    const raw = await this.table(place + (number % perBlock) * this.#inodeBytes, this.#inodeBytes);
    if (raw.readUInt16BE(0) !== 0x494e) throw damaged(`inode ${number} is none`);
    const mode = raw.readUInt16BE(2);
    return {
      number,
      kind: kindOf(mode),
      mode,
      uid: raw.readUInt32BE(8),
      gid: raw.readUInt32BE(12),
      sizeBytes: wide(raw, 56),
      modifiedS: this.#timeOf(raw),
      flags: raw.readUInt16BE(90),
      places: raw,
    };
  }

  #timeOf(raw: Buffer): number {
    const isWide =
      (this.#features & incompat.wideTimes) !== 0 &&
      (raw.readBigUInt64BE(120) & flags.wideTimes) !== 0n;
    if (!isWide) return raw.readInt32BE(40);
    return Number(raw.readBigUInt64BE(40) / 1_000_000_000n) - 2 ** 31;
  }

  /** The part of an inode that has the content, or says where it is. */
  #fork({ places: raw }: Inode): Buffer {
    const start = raw.readUInt8(4) === 3 ? 176 : 100;
    const attributesAt = raw.readUInt8(82) * wordBytes;
    const end = attributesAt === 0 ? raw.length : Math.min(raw.length, start + attributesAt);
    return raw.subarray(start, end);
  }

  #extentCount({ places: raw }: Inode): number {
    const isWide =
      (this.#features & incompat.wideCounts) !== 0 &&
      (raw.readBigUInt64BE(120) & flags.wideCounts) !== 0n;
    return isWide ? wide(raw, 24) : raw.readUInt32BE(76);
  }

  async *#extents(inode: Inode): AsyncGenerator<Extent> {
    const form = inode.places.readUInt8(5);
    const fork = this.#fork(inode);
    if (form === inExtents) yield* extentsIn(fork, 0, this.#extentCount(inode));
    else if (form === inTree) yield* this.#tree(fork, 0, { nodes: nodesMax, level: depthMax });
    else throw damaged(`the content of inode ${inode.number} has the form ${form}`);
  }

  /** A node of the tree of a file's extents. The one in the inode has the short form. */
  async *#tree(
    node: Buffer,
    headBytes: number,
    budget: { nodes: number; level: number },
  ): AsyncGenerator<Extent> {
    const levelAt = headBytes === 0 ? 0 : 4;
    const [level, count] = [node.readUInt16BE(levelAt), node.readUInt16BE(levelAt + 2)];
    if (--budget.nodes < 0 || level >= budget.level) throw damaged('a tree of extents');
    const recordsAt = headBytes === 0 ? 4 : headBytes;
    if (level === 0) {
      yield* extentsIn(node, recordsAt, count);
      return;
    }
    const most = Math.floor((node.length - recordsAt) / (2 * wordBytes));
    if (count > most) throw damaged('a tree of extents');
    for (let index = 0; index < count; index++) {
      const block = wide(node, recordsAt + (most + index) * wordBytes);
      const below = await this.table(this.#placeOf(block), this.#blockBytes);
      const magic = below.toString('latin1', 0, 4);
      if (magic !== 'BMAP' && magic !== 'BMA3') throw damaged('a tree of extents');
      const inner = { nodes: budget.nodes, level };
      yield* this.#tree(below, magic === 'BMAP' ? 24 : 72, inner);
      budget.nodes = inner.nodes;
    }
  }

  async content(inode: Inode, bytesMax: number): Promise<Buffer> {
    const { sizeBytes, kind } = inode;
    assertReadable(sizeBytes, bytesMax);
    if ((inode.flags & flags.realtime) !== 0) throw new Error('it lies on a device of its own');
    if (inode.places.readUInt8(5) === inPlace)
      return Buffer.from(this.#fork(inode).subarray(0, sizeBytes));
    const isBlockwise = kind === 'link' && this.#version === 5;
    const bytes = isBlockwise ? sizeBytes + 1024 : sizeBytes;
    const found = await this.gathered(bytes, this.#runs(inode, bytes), this.#blockBytes);
    if (!isBlockwise) return found;
    // Each block of a long target begins with a header.
    const parts: Buffer[] = [];
    for (let at = 0; at < found.length; at += this.#blockBytes)
      parts.push(found.subarray(at + linkHeaderBytes, at + this.#blockBytes));
    return Buffer.concat(parts).subarray(0, sizeBytes);
  }

  /** The runs of the first bytes of a file; the places of others are not looked at. */
  async *#runs(inode: Inode, bytesMax: number): AsyncGenerator<Run> {
    for await (const { at: block, place, blocks, isSetAside } of this.#extents(inode)) {
      const at = block * this.#blockBytes;
      if (at >= bytesMax) continue;
      const bytes = blocks * this.#blockBytes;
      yield { at, place: isSetAside ? null : this.#placeOf(place), bytes };
    }
  }

  async folder(inode: Inode): Promise<Map<string, number>> {
    if (inode.places.readUInt8(5) === inPlace) return this.#shortFolder(this.#fork(inode));
    const content = await this.content(inode, folderBytesMax);
    const found = new Map<string, number>();
    for (let at = 0; at < content.length; at += this.#folderBlockBytes)
      this.#addEntries(found, content.subarray(at, at + this.#folderBlockBytes));
    return found;
  }

  /** A folder of few names, which lies in its inode. */
  #shortFolder(fork: Buffer): Map<string, number> {
    const found = new Map<string, number>();
    const bytes = fork.readUInt8(1) > 0 ? 8 : 4;
    const count = fork.readUInt8(0);
    for (let at = 2 + bytes, index = 0; index < count; index++) {
      const length = fork.readUInt8(at);
      const numberAt = at + 3 + length + (this.#hasFileTypes ? 1 : 0);
      const number = bytes === 8 ? wide(fork, numberAt) : fork.readUInt32BE(numberAt);
      found.set(fork.toString('utf8', at + 3, at + 3 + length), number);
      at = numberAt + bytes;
    }
    return found;
  }

  #addEntries(found: Map<string, number>, block: Buffer): void {
    const magic = block.toString('latin1', 0, 4);
    const isWhole = magic === 'XD2B' || magic === 'XDB3';
    if (!isWhole && magic !== 'XD2D' && magic !== 'XDD3') {
      // A hole where names were.
      if (block.subarray(0, 16).every((byte) => byte === 0)) return;
      throw damaged('a folder');
    }
    // The only block of a folder ends with a table of its names.
    const leaves = isWhole ? block.readUInt32BE(block.length - wordBytes) : 0;
    const end = isWhole ? block.length - wordBytes - leaves * wordBytes : block.length;
    for (let at = magic.endsWith('3') ? 64 : 16; at + wordBytes <= end; ) {
      if (block.readUInt16BE(at) === 0xffff) {
        const free = block.readUInt16BE(at + 2);
        if (free === 0 || free % wordBytes !== 0) throw damaged('a folder');
        at += free;
        continue;
      }
      const length = block.readUInt8(at + wordBytes);
      const name = block.toString('utf8', at + 9, at + 9 + length);
      if (length === 0) throw damaged('a folder');
      if (name !== '.' && name !== '..') found.set(name, wide(block, at));
      const bytes = 9 + length + (this.#hasFileTypes ? 1 : 0) + 2;
      at += Math.ceil(bytes / wordBytes) * wordBytes;
    }
  }
}

function* extentsIn(node: Buffer, from: number, count: number): Generator<Extent> {
  if (from + count * extentBytes > node.length) throw damaged('a list of extents');
  for (let at = from; at < from + count * extentBytes; at += extentBytes) {
    const [high, low] = [node.readBigUInt64BE(at), node.readBigUInt64BE(at + wordBytes)];
    yield {
      at: Number((high & 0x7fffffffffffffffn) >> 9n),
      place: Number(((high & 0x1ffn) << 43n) | (low >> 21n)),
      blocks: Number(low & 0x1fffffn),
      isSetAside: high >> 63n === 1n,
    };
  }
}

/** Opens the file system that fills a disk, or a part of one. */
export async function openXfs(disk: Disk): Promise<FileTree> {
  return new XfsFiles(disk, await disk.read(0, 512));
}
