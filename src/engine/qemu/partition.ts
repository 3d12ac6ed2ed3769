// Judges whether the partition table of a disk, and the file system in each partition, fit on the
// disk. A disk that was cut off names more bytes than it has. File systems and tables that are not
// known here are not judged.

import { crc32 } from 'node:zlib';
import { invalid } from '../../domain/error.ts';

/** Reads exactly so many bytes of the disk; bytes beyond its end are zeros. */
export type ReadDisk = (offset: number, length: number) => Promise<Buffer>;

export interface Partition {
  name: string;
  /** Its type as it lies in the table, in hexadecimal; empty where there is no table. */
  type: string;
  startBytes: number;
  sizeBytes: number;
}

const sectorBytes = 512;
const entriesBytesMax = 1024 * 1024;

const cutOff = (what: string, expected: string, found: string) =>
  invalid(`The disk is cut off: ${what} ${expected}, and ${found}. Give the whole disk.`);
const bent = (expected: string, found: string) =>
  invalid(`The partition table of the disk is damaged: expected ${expected}, found ${found}.`);

/**
 * Throws `invalid`, which states the expected and the found values, for a disk that is shorter than
 * its own tables say or whose tables are damaged.
 */
export async function assertDiskFits(read: ReadDisk, diskBytes: number): Promise<void> {
  const partitions = await partitionsOf(read, diskBytes);
  for (const { name, startBytes, sizeBytes } of partitions) {
    const endBytes = startBytes + sizeBytes;
    if (endBytes > diskBytes)
      throw cutOff(name, `ends at byte ${endBytes}`, `the disk has ${diskBytes} bytes`);
    const system = await fileSystemAt(read, startBytes);
    if (system && system.sizeBytes > sizeBytes)
      throw cutOff(
        `the ${system.kind} file system of ${name}`,
        `has ${system.sizeBytes} bytes`,
        `there are ${sizeBytes} for it`,
      );
  }
}

/** The partitions, or the whole disk where there is no table. */
export async function partitionsOf(read: ReadDisk, diskBytes: number): Promise<Partition[]> {
  const [first, second] = [await read(0, sectorBytes), await read(sectorBytes, sectorBytes)];
  const entries = [446, 462, 478, 494].map((at) => first.subarray(at, at + 16));
  // Other sectors end like this too, such as the boot sector of a file system.
  const isTable =
    first.readUInt16BE(510) === 0x55aa &&
    entries.every(([status]) => status === 0 || status === 0x80);
  if (isTable && entries.some((entry) => entry[4] === 0xee))
    return guidPartitions(read, second, diskBytes);
  const found = isTable
    ? entries.filter((entry) => entry[4] !== 0 && entry.readUInt32LE(12) > 0)
    : [];
  if (found.length === 0)
    return [{ name: 'the disk', type: '', startBytes: 0, sizeBytes: diskBytes }];
  return found.map((entry) => ({
    name: `partition ${entries.indexOf(entry) + 1}`,
    type: entry.toString('hex', 4, 5),
    startBytes: entry.readUInt32LE(8) * sectorBytes,
    sizeBytes: entry.readUInt32LE(12) * sectorBytes,
  }));
}

async function guidPartitions(
  read: ReadDisk,
  header: Buffer,
  diskBytes: number,
): Promise<Partition[]> {
  const sectors = Math.floor(diskBytes / sectorBytes);
  if (header.toString('latin1', 0, 8) !== 'EFI PART')
    throw bent('the header of a GPT in sector 1', 'none');
  const headerBytes = header.readUInt32LE(12);
  if (headerBytes < 92 || headerBytes > sectorBytes)
    throw bent('a header of 92 to 512 bytes', `${headerBytes}`);
  const checked = Buffer.from(header.subarray(0, headerBytes));
  checked.writeUInt32LE(0, 16);
  if (crc32(checked) !== header.readUInt32LE(16))
    throw bent(`the checksum ${header.readUInt32LE(16)} of its header`, `${crc32(checked)}`);
  const copy = Number(header.readBigUInt64LE(32));
  if (copy >= sectors)
    throw cutOff(
      'its partition table',
      `has its copy in sector ${copy}`,
      `the disk has ${sectors} sectors`,
    );
  const [at, count, bytes] = [
    Number(header.readBigUInt64LE(72)),
    header.readUInt32LE(80),
    header.readUInt32LE(84),
  ];
  if (bytes < 128 || count * bytes > entriesBytesMax)
    throw bent(
      `at most ${entriesBytesMax} bytes of entries of 128 bytes or more`,
      `${count} of ${bytes} bytes`,
    );
  if (at + (count * bytes) / sectorBytes > sectors)
    throw cutOff(
      'its partition table',
      `has its entries from sector ${at} on`,
      `the disk has ${sectors} sectors`,
    );
  const entries = await read(at * sectorBytes, count * bytes);
  if (crc32(entries) !== header.readUInt32LE(88))
    throw bent(`the checksum ${header.readUInt32LE(88)} of its entries`, `${crc32(entries)}`);
  const partitions: Partition[] = [];
  for (let index = 0; index < count; index++) {
    const entry = entries.subarray(index * bytes, (index + 1) * bytes);
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    const [start, last] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))];
    if (last < start)
      throw bent(
        `partition ${index + 1} to end after sector ${start}`,
        `its end in sector ${last}`,
      );
    const sizeBytes = (last - start + 1) * sectorBytes;
    partitions.push({
      name: `partition ${index + 1}`,
      type: entry.toString('hex', 0, 16),
      startBytes: start * sectorBytes,
      sizeBytes,
    });
  }
  return partitions;
}

/**
 * The kind and the size that a file system says it has; null when it is none that is known here.
 */
async function fileSystemAt(
  read: ReadDisk,
  at: number,
): Promise<{ kind: string; sizeBytes: number } | null> {
  const ext = await read(at + 1024, 1024);
  if (ext.readUInt16LE(56) === 0xef53) {
    // The bits above the 32nd count only when the file system has that feature.
    const high = (ext.readUInt32LE(0x60) & 0x80) !== 0 ? ext.readUInt32LE(0x150) : 0;
    return {
      kind: 'ext',
      sizeBytes: (high * 2 ** 32 + ext.readUInt32LE(4)) * 1024 * 2 ** ext.readUInt32LE(24),
    };
  }
  const xfs = await read(at, 16);
  if (xfs.toString('latin1', 0, 4) === 'XFSB')
    return { kind: 'XFS', sizeBytes: Number(xfs.readBigUInt64BE(8)) * xfs.readUInt32BE(4) };
  return null;
}
