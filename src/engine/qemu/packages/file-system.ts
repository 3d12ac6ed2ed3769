// The file systems on a disk, and the files in those that can be read here. Nothing is mounted, and
// no driver of the host's kernel sees the disk.

import { type Partition, partitionsOf } from '../partition.ts';
import { openBtrfs } from './btrfs.ts';
import { openExt } from './ext.ts';
import { type Disk, type FileTree, partOf } from './file-tree.ts';
import { logicalVolumes } from './lvm.ts';
import { openXfs } from './xfs.ts';

const partitionsMax = 32;
const volumesMax = 128;
const filesMax = 10_000;

const encrypted = 'an encrypted volume (LUKS)';

/** How other volumes are known: a text, and the places where it may be. */
const marks: readonly [kind: string, text: string, places: readonly number[]][] = [
  ['btrfs', '_BHRfS_M', [65_600]],
  ['XFS', 'XFSB', [0]],
  ['LVM', 'LABELONE', [0, 512, 1024, 1536]],
  [encrypted, 'LUKS\xba\xbe', [0]],
  ['NTFS', 'NTFS    ', [3]],
  ['F2FS', '\x10\x20\xf5\xf2', [1024]],
  ['squashfs', 'hsqs', [0]],
  ['ISO 9660', 'CD001', [32_769]],
];
const markBytes = 66_000;

/** The files of one file system. */
export interface Files {
  readonly files: FileTree;
  /** The content of a file; null when there is none. Throws an Error for one that is larger. */
  read(path: string, bytesMax: number): Promise<Buffer | null>;
  /** The names in a folder; none when it is missing. */
  list(path: string): Promise<string[]>;
  /** Whether there is a file or folder. */
  has(path: string): Promise<boolean>;
}

export interface Volume extends Pick<Partition, 'name' | 'sizeBytes'> {
  /** Null for one that nothing here knows. */
  kind: string | null;
  /** None for one that cannot be read here; several where one has several roots. */
  files: readonly Files[];
  /** Why none can be read; null where its kind is one that is not read. */
  fault: string | null;
}

/** Each of these opens one kind that can be read. */
const opens: Record<string, (disk: Disk) => Promise<FileTree[]>> = {
  ext: async (disk) => [await openExt(disk)],
  XFS: async (disk) => [await openXfs(disk)],
  btrfs: openBtrfs,
};

/**
 * The volumes of a disk, the largest first, and those of LVM in the place of its physical volumes.
 * Throws for a partition table that is damaged.
 */
export async function volumesOf(disk: Disk): Promise<Volume[]> {
  const partitions = await partitionsOf(disk.read.bind(disk), disk.bytes);
  const volumes: Volume[] = [];
  const physical: { disk: Disk; volume: Volume }[] = [];
  for (const { name, startBytes, sizeBytes } of partitions.slice(0, partitionsMax)) {
    const part = partOf(disk, startBytes, sizeBytes);
    const volume = await volumeOn(part, name);
    if (volume.kind === 'LVM') physical.push({ disk: part, volume });
    else volumes.push(volume);
  }
  volumes.push(...(await logicalIn(physical)));
  return volumes.sort((one, other) => other.sizeBytes - one.sizeBytes).slice(0, volumesMax);
}

async function volumeOn(disk: Disk, name: string): Promise<Volume> {
  const head = await disk.read(0, markBytes);
  const kind = head.readUInt16LE(1080) === 0xef53 ? 'ext' : kindOf(head);
  const fault = kind === encrypted ? 'it is not read without its key' : null;
  const volume = { name, sizeBytes: disk.bytes, kind, files: [], fault };
  const open = kind === null ? undefined : opens[kind];
  if (open === undefined) return volume;
  try {
    return { ...volume, files: (await open(disk)).map(filesOf) };
  } catch (error) {
    return { ...volume, fault: error instanceof Error ? error.message : String(error) };
  }
}

async function logicalIn(physical: readonly { disk: Disk; volume: Volume }[]): Promise<Volume[]> {
  if (physical.length === 0) return [];
  try {
    const found: Volume[] = [];
    for (const { name, disk, sizeBytes, fault } of await logicalVolumes(
      physical.map((one) => one.disk),
    )) {
      const called = `the logical volume ${JSON.stringify(name.slice(0, 60))}`;
      const apart = { name: called, sizeBytes, kind: 'LVM', files: [], fault };
      found.push(disk ? await volumeOn(disk, called) : apart);
    }
    return found;
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    return physical.map(({ volume }) => ({ ...volume, fault }));
  }
}

const kindOf = (head: Buffer) =>
  marks.find(([, text, places]) =>
    places.some((at) => head.toString('latin1', at, at + text.length) === text),
  )?.[0] ?? null;

function filesOf(files: FileTree): Files {
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
