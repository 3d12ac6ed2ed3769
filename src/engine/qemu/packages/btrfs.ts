// Reads files and folders of btrfs on one disk, in all of its subvolumes. Data that is spread over
// several disks is not read.

import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { itemsMax, keyAt, type Tree, Trees, types, wide } from './btrfs-trees.ts';
import { assertReadable, type Disk, damaged, FileTree, type Inode, kindOf } from './file-tree.ts';
import { unpackLzo } from './lzo.ts';

const headAt = 65_536;
const headBytes = 4096;
const subvolumesMax = 16;
const compressedBytesMax = 1024 ** 2;
const rootOfFiles = 5;
const rootDirectory = 6;
const firstInode = 256;

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
    super(disk);
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
        kind: kindOf(mode),
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
      return this.#unpacked(packing, data.subarray(21), unpackedBytes).copy(target);
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
    const content = this.#unpacked(packing, stored, unpackedBytes);
    return content.subarray(skip, skip + part.length).copy(part);
  }

  #unpacked(packing: number, stored: Buffer, bytes: number): Buffer {
    const limit = { maxOutputLength: Math.max(bytes, 1) };
    if (packing === 0) return stored.subarray(0, bytes);
    if (packing === 1) return inflateSync(stored, limit);
    if (packing === 2) return unpackLzo(stored, bytes, this.#trees.sectorBytes);
    if (packing === 3) return zstdDecompressSync(oneFrame(stored), limit);
    throw new Error('it is compressed in a way that is not known here');
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
