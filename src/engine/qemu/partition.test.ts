// A disk is checked against its own tables: it is cut off at any length or damaged in any byte.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { assertDiskFits } from './partition.ts';

const sector = 512;

/** Reads a disk of which only the first bytes are left. */
const reader = (disk: Buffer, diskBytes: number) => async (offset: number, length: number) => {
  const content = Buffer.alloc(length);
  disk.copy(content, 0, offset, Math.min(diskBytes, offset + length));
  return content;
};
const fits = (disk: Buffer, diskBytes = disk.length) =>
  assertDiskFits(reader(disk, diskBytes), diskBytes);
const refused = { code: 'invalid' };

function withMbr(
  sectors: number,
  partitions: readonly (readonly [start: number, sectors: number])[],
): Buffer {
  const disk = Buffer.alloc(sectors * sector);
  disk.writeUInt16BE(0x55aa, 510);
  for (const [index, [start, count]] of partitions.entries()) {
    disk[446 + index * 16 + 4] = 0x83;
    disk.writeUInt32LE(start, 446 + index * 16 + 8);
    disk.writeUInt32LE(count, 446 + index * 16 + 12);
  }
  return disk;
}

function withGpt(
  sectors: number,
  partitions: readonly (readonly [start: number, last: number])[],
): Buffer {
  const disk = withMbr(sectors, [[1, sectors - 1]]);
  disk[446 + 4] = 0xee;
  const entries = disk.subarray(2 * sector, 34 * sector);
  for (const [index, [start, last]] of partitions.entries()) {
    entries.fill(index + 1, index * 128, index * 128 + 32);
    entries.writeBigUInt64LE(BigInt(start), index * 128 + 32);
    entries.writeBigUInt64LE(BigInt(last), index * 128 + 40);
  }
  const header = disk.subarray(sector, sector + 92);
  header.write('EFI PART');
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(BigInt(sectors - 1), 32);
  header.writeBigUInt64LE(2n, 72);
  header.writeUInt32LE(128, 80);
  header.writeUInt32LE(128, 84);
  header.writeUInt32LE(crc32(entries), 88);
  header.writeUInt32LE(crc32(header), 16);
  header.copy(disk, (sectors - 1) * sector);
  return disk;
}

function ext(disk: Buffer, at: number, blocks: number): void {
  disk.writeUInt32LE(blocks, at + 1024 + 4);
  disk.writeUInt32LE(0, at + 1024 + 24);
  disk.writeUInt16LE(0xef53, at + 1024 + 56);
}

describe('a disk', () => {
  it('with a table of partitions is taken at any length that has all of them, and refused at every shorter one', async () => {
    const disk = withMbr(400, [
      [10, 100],
      [150, 200],
    ]);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 400 }), async (sectors) => {
        if (sectors >= 350) return fits(disk, sectors * sector);
        await assert.rejects(fits(disk, sectors * sector), refused);
      }),
    );
    await assert.rejects(
      fits(disk, 300 * sector),
      /partition 2 ends at byte 179200, and the disk has 153600 bytes/,
    );
  });

  it('with a GPT is refused at every length at which the copy of its table is gone', async () => {
    const disk = withGpt(400, [[40, 350]]);
    await fits(disk);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 399 }), (sectors) =>
        assert.rejects(fits(disk, sectors * sector), refused),
      ),
    );
    await assert.rejects(
      fits(disk, 399 * sector),
      /its copy in sector 399, and the disk has 399 sectors/,
    );
    // A disk that grew after its table was written is whole.
    await fits(Buffer.concat([disk, Buffer.alloc(50 * sector)]));
  });

  it('is refused when any byte of its GPT has changed, with what was expected and found', async () => {
    const disk = withGpt(400, [[40, 350]]);
    const places = fc.oneof(
      fc.integer({ min: sector, max: sector + 91 }),
      fc.integer({ min: 1024, max: 1024 + 127 }),
    );
    await fc.assert(
      fc.asyncProperty(places, fc.integer({ min: 1, max: 255 }), async (at, mask) => {
        const bent = Buffer.from(disk);
        bent[at] = (bent[at] ?? 0) ^ mask;
        await assert.rejects(fits(bent), refused);
      }),
    );
    disk[sector + 40] = 1;
    await assert.rejects(fits(disk), /expected the checksum \d+ of its header, found \d+/);
  });

  it('is refused when a file system is larger than the room for it, in a partition or without any', async () => {
    const bare = Buffer.alloc(1024 * 1024);
    ext(bare, 0, 1024);
    await fits(bare);
    await assert.rejects(
      fits(bare, 1023 * 1024),
      /ext file system of the disk has 1048576 bytes, and there are 1047552/,
    );
    const table = withMbr(2048, [[100, 1000]]);
    ext(table, 100 * sector, 500);
    await fits(table);
    ext(table, 100 * sector, 501);
    await assert.rejects(fits(table), /of partition 1 has 513024 bytes, and there are 512000/);
    const xfs = withGpt(2048, [[100, 1099]]);
    xfs.write('XFSB', 100 * sector);
    xfs.writeUInt32BE(4096, 100 * sector + 4);
    xfs.writeBigUInt64BE(125n, 100 * sector + 8);
    await fits(xfs);
    xfs.writeBigUInt64BE(126n, 100 * sector + 8);
    await assert.rejects(fits(xfs), /XFS file system of partition 1 has 516096 bytes/);
  });

  it('of which nothing is known is not judged', async () => {
    await fits(Buffer.alloc(4096, 7));
    const other = Buffer.alloc(4096, 7);
    other.writeUInt16BE(0x55aa, 510);
    await fits(other);
  });
});
