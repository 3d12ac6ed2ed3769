// Reads files and folders of the file systems ext2, ext3 and ext4.

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
const [depthMax, nodesMax] = [5, 100_000];
const rootInode = 2;

const incompat = {
  compression: 0x1,
  journal: 0x8,
  metaGroups: 0x10,
  wide: 0x80,
  encrypted: 0x10000,
};
const flags = { encrypted: 0x800, extents: 0x80000, inline: 0x10000000 };

class ExtFiles extends FileTree {
  protected readonly root = rootInode;
  readonly #head: Buffer;
  readonly #blockBytes: number;
  readonly #inodeBytes: number;
  readonly #descriptorBytes: number;
  readonly #features: number;

  constructor(disk: Disk, head: Buffer) {
    super(disk);
    this.#head = head;
    const log = head.readUInt32LE(0x18);
    if (log > 6) throw damaged(`blocks of 2^${log + 10} bytes`);
    this.#blockBytes = 1024 * 2 ** log;
    this.#features = head.readUInt32LE(0x60);
    this.#inodeBytes = head.readUInt32LE(0x4c) === 0 ? 128 : head.readUInt16LE(0x58);
    this.#descriptorBytes = this.#has('wide') ? head.readUInt16LE(0xfe) : 32;
    const isOdd = this.#inodeBytes < 128 || this.#inodeBytes > this.#blockBytes;
    if (isOdd || this.#descriptorBytes < 32 || this.#descriptorBytes > 1024)
      throw damaged('the sizes of its tables');
    for (const name of ['compression', 'journal'] as const)
      if (this.#has(name))
        throw new Error(`the file system has a feature that is not read (${name})`);
  }

  #has(feature: keyof typeof incompat): boolean {
    return (this.#features & incompat[feature]) !== 0;
  }

  /** Where the descriptor of a group lies. */
  #descriptorAt(group: number): number {
    const first = this.#head.readUInt32LE(0x14);
    const perBlock = Math.floor(this.#blockBytes / this.#descriptorBytes);
    const meta = Math.floor(group / perBlock);
    if (!this.#has('metaGroups') || meta < this.#head.readUInt32LE(0x104))
      return (first + 1) * this.#blockBytes + group * this.#descriptorBytes;
    // The descriptors of such groups lie in the first of them, behind its copy of the head.
    const leader = meta * perBlock;
    const block = first + leader * this.#head.readUInt32LE(0x20) + (hasHead(leader) ? 1 : 0);
    return block * this.#blockBytes + (group % perBlock) * this.#descriptorBytes;
  }

  async inode(number: number): Promise<Inode> {
    const perGroup = this.#head.readUInt32LE(0x28);
    if (number < 1 || number > this.#head.readUInt32LE(0) || perGroup === 0)
      throw damaged(`it names the inode ${number}`);
    const at = this.#descriptorAt(Math.floor((number - 1) / perGroup));
    const descriptor = await this.table(at, this.#descriptorBytes);
    const high = this.#descriptorBytes >= 64 ? descriptor.readUInt32LE(0x28) : 0;
    const table = (high * 2 ** 32 + descriptor.readUInt32LE(8)) * this.#blockBytes;
    const raw = await this.table(table + ((number - 1) % perGroup) * this.#inodeBytes, 128);
    const mode = raw.readUInt16LE(0);
    return {
      number,
      kind: kindOf(mode),
      mode,
      uid: raw.readUInt16LE(2) + raw.readUInt16LE(0x78) * 65_536,
      gid: raw.readUInt16LE(0x18) + raw.readUInt16LE(0x7a) * 65_536,
      sizeBytes: raw.readUInt32LE(4) + raw.readUInt32LE(0x6c) * 2 ** 32,
      modifiedS: raw.readUInt32LE(0x10),
      flags: raw.readUInt32LE(0x20),
      places: raw.subarray(0x28, 0x28 + 60),
    };
  }

  async content(inode: Inode, bytesMax: number): Promise<Buffer> {
    const { sizeBytes, places } = inode;
    assertReadable(sizeBytes, bytesMax);
    if ((inode.flags & flags.encrypted) !== 0) throw new Error('it is encrypted');
    const isShort = inode.kind === 'link' && sizeBytes < 60 && (inode.flags & flags.extents) === 0;
    if (isShort || ((inode.flags & flags.inline) !== 0 && sizeBytes <= 60))
      return Buffer.from(places.subarray(0, sizeBytes));
    if ((inode.flags & flags.inline) !== 0) throw new Error('its content lies in its inode');
    return this.gathered(sizeBytes, this.#runs(inode), this.#blockBytes);
  }

  #runs(inode: Inode): AsyncGenerator<Run> {
    const budget = { nodes: nodesMax };
    return (inode.flags & flags.extents) !== 0
      ? this.#extents(inode.places, depthMax, budget)
      : this.#blocks(inode, budget);
  }

  async *#extents(node: Buffer, depthLeft: number, budget: { nodes: number }): AsyncGenerator<Run> {
    if (node.readUInt16LE(0) !== 0xf30a || depthLeft < 0 || --budget.nodes < 0)
      throw damaged('a tree of extents');
    const count = Math.min(node.readUInt16LE(2), Math.floor((node.length - 12) / 12));
    const isLeaf = node.readUInt16LE(6) === 0;
    for (let at = 12; at < 12 + count * 12; at += 12) {
      const high = node.readUInt16LE(at + (isLeaf ? 6 : 8));
      const low = node.readUInt32LE(at + (isLeaf ? 8 : 4));
      const place = (high * 2 ** 32 + low) * this.#blockBytes;
      if (!isLeaf) {
        yield* this.#extents(await this.table(place, this.#blockBytes), depthLeft - 1, budget);
        continue;
      }
      const length = node.readUInt16LE(at + 4);
      // A longer one is set aside, and was not written yet.
      const isSetAside = length > 32_768;
      yield {
        at: node.readUInt32LE(at) * this.#blockBytes,
        place: isSetAside ? null : place,
        bytes: (isSetAside ? length - 32_768 : length) * this.#blockBytes,
      };
    }
  }

  /** The places of blocks as ext2 and ext3 keep them: twelve, and three trees of more. */
  async *#blocks({ places, sizeBytes }: Inode, budget: { nodes: number }): AsyncGenerator<Run> {
    let at = 0;
    const bytes = this.#blockBytes;
    const perBlock = bytes / 4;
    const walk = async function* (
      read: (block: number) => Promise<Buffer>,
      block: number,
      depth: number,
    ): AsyncGenerator<Run> {
      if (at >= sizeBytes) return;
      if (depth === 0 || block === 0) {
        if (depth === 0 && block !== 0) yield { at, place: block * bytes, bytes };
        at += bytes * perBlock ** depth;
        return;
      }
      if (--budget.nodes < 0) throw damaged('a tree of blocks');
      const node = await read(block);
      for (let entry = 0; entry < perBlock; entry++)
        yield* walk(read, node.readUInt32LE(entry * 4), depth - 1);
    };
    const read = (block: number) => this.table(block * bytes, bytes);
    for (let entry = 0; entry < 15; entry++)
      yield* walk(read, places.readUInt32LE(entry * 4), Math.max(0, entry - 11));
  }

  async folder(inode: Inode): Promise<Map<string, number>> {
    const content = await this.content(inode, folderBytesMax);
    const found = new Map<string, number>();
    for (let at = 0; at + 8 <= content.length; ) {
      const [number, given] = [content.readUInt32LE(at), content.readUInt16LE(at + 4)];
      const length = given === 0 || given === 65_535 ? 65_536 : given;
      if (length < 8 || length % 4 !== 0) throw damaged('a folder');
      const name = content.toString('utf8', at + 8, at + 8 + content.readUInt8(at + 6));
      if (number !== 0 && name !== '.' && name !== '..' && name !== '') found.set(name, number);
      at += length;
    }
    return found;
  }
}

/** Whether a group has a copy of the head: the first two, and those that are powers of 3, 5, 7. */
function hasHead(group: number): boolean {
  if (group <= 1) return true;
  return [3, 5, 7].some((base) => base ** Math.round(Math.log(group) / Math.log(base)) === group);
}

/** Opens the file system that fills a disk, or a part of one. */
export async function openExt(disk: Disk): Promise<FileTree> {
  return new ExtFiles(disk, await disk.read(1024, 1024));
}
