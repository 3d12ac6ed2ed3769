// Reads which programs the EFI system partition of a disk holds. A fresh machine has no list of
// boot loaders, so its firmware starts one path alone. Nothing here trusts the partition: each read
// has a bound, and what is not understood is said to be no FAT.

import { efiTypes } from './boot-sector.ts';
import { partitionsOf, type ReadDisk } from './partition.ts';

const usualPath = '/EFI/BOOT/BOOTX64.EFI';
const entryBytes = 32;
/** Far more than the folders of boot loaders have; a hostile one is not read to its end. */
const folderBytesMax = 4096 * entryBytes;
const foldersMax = 30;
const depthMax = 3;
const [clusters12, clusters16] = [4085, 65_525];

/**
 * `usual`: the program that a firmware without variables starts. `others`: programs elsewhere, of
 * which `path` is one (in short names). `none`: no program. `strange`: no FAT.
 */
export type EfiPrograms =
  | { kind: 'usual' | 'none' | 'strange' | 'no partition' }
  | { kind: 'others'; path: string };

/** Looks at all EFI system partitions of the disk. Throws `invalid` for a damaged table. */
export async function efiProgramsOn(read: ReadDisk, diskBytes: number): Promise<EfiPrograms> {
  const partitions = (await partitionsOf(read, diskBytes)).filter(({ type }) =>
    efiTypes.includes(type),
  );
  const found: EfiPrograms[] = [];
  for (const { startBytes } of partitions) {
    const fat = await openFat((at, length) => read(startBytes + at, length));
    found.push(fat === null ? { kind: 'strange' } : await programsIn(fat));
  }
  for (const kind of ['usual', 'others', 'none', 'strange'])
    for (const one of found) if (one.kind === kind) return one;
  return { kind: 'no partition' };
}

interface Entry {
  /** The short name, such as `BOOTX64.EFI`; parts that do not print are question marks. */
  name: string;
  isFolder: boolean;
  cluster: number;
  bytes: number;
}

interface Fat {
  /** The content of the folder that begins in the cluster; of the first folder with 0. */
  folder(cluster: number): Promise<Entry[]>;
}

/** Looks into the folder EFI and what is below it. */
async function programsIn(fat: Fat): Promise<EfiPrograms> {
  let others: string | null = null;
  let level = (await fat.folder(0))
    .filter(({ name, isFolder }) => isFolder && name === 'EFI')
    .map(({ cluster }) => ({ path: '/EFI', cluster }));
  let left = foldersMax;
  for (let depth = 0; depth < depthMax; depth++) {
    const next: typeof level = [];
    for (const { path, cluster } of level) {
      if (left-- <= 0) break;
      for (const entry of await fat.folder(cluster)) {
        const at = `${path}/${entry.name}`;
        // A folder names itself and the one above with dots. No folder but the first is in cluster
        // 0.
        if (entry.isFolder && !entry.name.startsWith('.') && entry.cluster >= 2)
          next.push({ path: at, cluster: entry.cluster });
        if (entry.isFolder || entry.bytes === 0 || !entry.name.endsWith('.EFI')) continue;
        if (at === usualPath) return { kind: 'usual' };
        others ??= at;
      }
    }
    level = next;
  }
  return others === null ? { kind: 'none' } : { kind: 'others', path: others };
}

/** Null for what is no FAT file system. `read` begins at the partition. */
async function openFat(read: ReadDisk): Promise<Fat | null> {
  const head = await read(0, 512);
  const [sector, perCluster] = [head.readUInt16LE(11), head.readUInt8(13)];
  const [reserved, fats] = [head.readUInt16LE(14), head.readUInt8(16)];
  const firstBytes = head.readUInt16LE(17) * entryBytes;
  const sectors = head.readUInt16LE(19) || head.readUInt32LE(32);
  const fatSectors = head.readUInt16LE(22) || head.readUInt32LE(36);
  const isPlausible =
    head.readUInt16BE(510) === 0x55aa &&
    [512, 1024, 2048, 4096].includes(sector) &&
    [1, 2, 4, 8, 16, 32, 64, 128].includes(perCluster) &&
    reserved > 0 &&
    (fats === 1 || fats === 2) &&
    fatSectors > 0;
  if (!isPlausible) return null;
  const firstAt = (reserved + fats * fatSectors) * sector;
  const dataAt = firstAt + Math.ceil(firstBytes / sector) * sector;
  const clusterBytes = perCluster * sector;
  const clusters = Math.floor((sectors * sector - dataAt) / clusterBytes);
  if (clusters < 1) return null;
  const bits = clusters < clusters12 ? 12 : clusters < clusters16 ? 16 : 32;
  if ((bits === 32) !== (firstBytes === 0)) return null;

  /** The cluster after this one; a number that is none of the disk at the end. */
  async function after(cluster: number): Promise<number> {
    const at = reserved * sector + Math.floor((cluster * bits) / 8);
    if (bits === 32) return (await read(at, 4)).readUInt32LE(0) & 0x0fffffff;
    const word = (await read(at, 2)).readUInt16LE(0);
    if (bits === 16) return word;
    return cluster % 2 === 0 ? word & 0xfff : word >> 4;
  }

  return {
    async folder(cluster) {
      if (cluster === 0 && bits !== 32)
        return entriesIn([await read(firstAt, Math.min(firstBytes, folderBytesMax))]);
      const parts: Buffer[] = [];
      let now = cluster === 0 ? head.readUInt32LE(44) : cluster;
      // The bound also ends a chain that leads back to itself.
      for (let bytes = 0; bytes < folderBytesMax; bytes += clusterBytes) {
        if (now < 2 || now >= clusters + 2) break;
        parts.push(await read(dataAt + (now - 2) * clusterBytes, clusterBytes));
        if (parts.at(-1)?.at(-entryBytes) === 0) break;
        now = await after(now);
      }
      return entriesIn(parts);
    },
  };
}

const [readOnlyToSystem, volumeLabel, folderMark] = [0x0f, 0x08, 0x10];

function entriesIn(parts: readonly Buffer[]): Entry[] {
  const entries: Entry[] = [];
  for (const part of parts) {
    for (let at = 0; at + entryBytes <= part.length; at += entryBytes) {
      const one = part.subarray(at, at + entryBytes);
      if (one[0] === 0) return entries;
      const attributes = one.readUInt8(11);
      // Parts of a long name have all four marks of the lowest bits.
      if (one[0] === 0xe5 || (attributes & readOnlyToSystem) === readOnlyToSystem) continue;
      if ((attributes & volumeLabel) !== 0) continue;
      const [stem, ending] = [one.toString('latin1', 0, 8), one.toString('latin1', 8, 11)];
      const name = [stem.trimEnd(), ending.trimEnd()].filter((text) => text !== '').join('.');
      entries.push({
        name: name.replaceAll(/[^!-~]/g, '?'),
        isFolder: (attributes & folderMark) !== 0,
        cluster: one.readUInt16LE(20) * 2 ** 16 + one.readUInt16LE(26),
        bytes: one.readUInt32LE(28),
      });
    }
  }
  return entries;
}
