// The file systems on a disk, and the files in those that can be read here. Nothing is mounted, and
// no driver of the host's kernel sees the disk.

import { type Partition, partitionsOf } from '../partition.ts';
import type { ChainDisk } from './chain-disk.ts';
import { type ExtFiles, openExt } from './ext.ts';

const partitionsMax = 32;
const filesMax = 10_000;

/** How other volumes are known: a text, and the places where it may be. */
const marks: readonly [kind: string, text: string, places: readonly number[]][] = [
  ['btrfs', '_BHRfS_M', [65_600]],
  ['XFS', 'XFSB', [0]],
  ['LVM', 'LABELONE', [0, 512, 1024, 1536]],
  ['an encrypted volume (LUKS)', 'LUKS\xba\xbe', [0]],
  ['NTFS', 'NTFS    ', [3]],
  ['F2FS', '\x10\x20\xf5\xf2', [1024]],
  ['squashfs', 'hsqs', [0]],
  ['ISO 9660', 'CD001', [32_769]],
];
const markBytes = 66_000;

/** The files of one file system. */
export interface Files {
  readonly files: ExtFiles;
  /** The content of a file; null when there is none. Throws an Error for one that is larger. */
  read(path: string, bytesMax: number): Promise<Buffer | null>;
  /** The names in a folder; none when it is missing. */
  list(path: string): Promise<string[]>;
  /** Whether there is a file or folder. */
  has(path: string): Promise<boolean>;
}

interface Volume extends Pick<Partition, 'name' | 'sizeBytes'> {
  /** Null for one that nothing here knows. */
  kind: string | null;
  /** Null for one that cannot be read here. */
  files: Files | null;
}

/** The volumes of a disk, the largest first. Throws for a partition table that is damaged. */
export async function volumesOf(disk: ChainDisk): Promise<Volume[]> {
  const partitions = await partitionsOf(disk.read.bind(disk), disk.bytes);
  partitions.sort((one, other) => other.sizeBytes - one.sizeBytes);
  const volumes: Volume[] = [];
  for (const { name, startBytes, sizeBytes } of partitions.slice(0, partitionsMax)) {
    const head = await disk.read(startBytes, markBytes);
    const isExt = head.readUInt16LE(1080) === 0xef53;
    const kind = isExt ? 'ext' : kindOf(head);
    volumes.push({ name, sizeBytes, kind, files: isExt ? await extFiles(disk, startBytes) : null });
  }
  return volumes;
}

const kindOf = (head: Buffer) =>
  marks.find(([, text, places]) =>
    places.some((at) => head.toString('latin1', at, at + text.length) === text),
  )?.[0] ?? null;

/** Throws an Error when the file system is damaged so that it cannot be opened. */
async function extFiles(disk: ChainDisk, startBytes: number): Promise<Files> {
  const files = await openExt(disk, startBytes);
  return {
    files,
    async read(path, bytesMax) {
      const found = await files.find(path);
      if (found === null) return null;
      if (found.kind !== 'file') throw new Error(`${path} is no file`);
      return files.content(found, bytesMax);
    },
    async list(path) {
      const found = await files.find(path);
      if (found?.kind !== 'folder') return [];
      return [...(await files.folder(found)).keys()].slice(0, filesMax);
    },
    has: async (path) => (await files.find(path)) !== null,
  };
}
