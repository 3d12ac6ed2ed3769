// Reads the structure of qcow2 files without any tool: the header, whether the file has all the
// clusters that its tables name, and single sectors of a standalone disk. It writes nothing, and
// opens no file that a header names.

import { open } from 'node:fs/promises';
import { invalid } from '../../domain/error.ts';
import { isZero } from '../../lib/holes.ts';
import { assertWithin, readPart } from './foreign/file-part.ts';
import { openChain } from './packages/chain-disk.ts';

export const virtualBytesMax = 16 * 1024 ** 4;
const l1BytesMax = 32 * 1024 ** 2;
const headBytes = 112;
/** Of a cluster, where the entries of the tables are extended. */
const subclusters = 32;
const all = 0xffffffff;
const word = 2 ** 32;

/**
 * Incompatible features, by their bits: dirty, corrupt, data file, compression type, extended
 * tables.
 */
const [dirty, corrupt, dataFile, extended, known] = [0b1n, 0b10n, 0b100n, 0b10000n, 0b11111n];

interface Qcow2Header {
  clusterBytes: number;
  virtualBytes: number;
  l1Offset: number;
  l1Entries: number;
  /** Of one entry of an L2 table. */
  entryBytes: 8 | 16;
  refcountsOffset: number;
  refcountsBytes: number;
}

export const isQcow2 = (head: Buffer): boolean =>
  head.length >= 72 && head.toString('latin1', 0, 4) === 'QFI\xfb';

const flatten = 'flatten it first: qemu-img convert -O qcow2 IN OUT';

/**
 * Throws `invalid` for a file that is not complete by itself, is encrypted or damaged, or is more
 * than this server reads.
 */
function parseQcow2Header(head: Buffer): Qcow2Header {
  const version = head.readUInt32BE(4);
  if (version !== 2 && version !== 3)
    throw invalid(`The file is qcow2 of version ${version}; give version 2 or 3.`);
  if (head.readBigUInt64BE(8) !== 0n)
    throw invalid(`The file names a backing file and is not complete by itself; ${flatten}`);
  if (head.readUInt32BE(32) !== 0) throw invalid('The file is encrypted; give one that is not.');
  if (head.readUInt32BE(60) !== 0) throw invalid(`The file holds snapshots; ${flatten}`);
  const features = version === 3 ? head.readBigUInt64BE(72) : 0n;
  if ((features & dataFile) !== 0n)
    throw invalid(`The file keeps its data in another file; ${flatten}`);
  if ((features & corrupt) !== 0n)
    throw invalid(
      'The file is marked as corrupt by the program that wrote it; give one that is whole.',
    );
  if ((features & dirty) !== 0n)
    throw invalid(
      'The file was not closed by the program that wrote it; close that program, or type: qemu-img check -r all FILE',
    );
  if ((features & ~known) !== 0n)
    throw invalid(
      `The file has features of qcow2 that are not known here (0x${features.toString(16)}); ${flatten}`,
    );
  const virtual = head.readBigUInt64BE(24);
  if (virtual === 0n || virtual > BigInt(virtualBytesMax))
    throw invalid(
      `The file says that its disk has ${virtual} bytes; the most is ${virtualBytesMax}.`,
    );
  const clusterBits = head.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21)
    throw invalid(
      `The file is damaged: its clusters have 2^${clusterBits} bytes, and 2^9 to 2^21 are possible.`,
    );
  const l1Entries = head.readUInt32BE(36);
  if (l1Entries * 8 > l1BytesMax)
    throw invalid(
      `The file is damaged: its first table has ${l1Entries} entries; the most is ${l1BytesMax / 8}.`,
    );
  const clusterBytes = 2 ** clusterBits;
  const entryBytes = (features & extended) !== 0n ? 16 : 8;
  const covered = l1Entries * (clusterBytes / entryBytes) * clusterBytes;
  if (covered < Number(virtual))
    throw invalid(
      `The file is damaged: its disk has ${virtual} bytes, and its tables have room for those up to ${covered}.`,
    );
  return {
    clusterBytes,
    virtualBytes: Number(virtual),
    l1Offset: Number(head.readBigUInt64BE(40)),
    l1Entries,
    entryBytes,
    refcountsOffset: Number(head.readBigUInt64BE(48)),
    refcountsBytes: head.readUInt32BE(56) * clusterBytes,
  };
}

/** The size of the disk in a file of our own making, whatever it stands on. */
export async function virtualBytesOf(path: string): Promise<number> {
  const file = await open(path, 'r');
  try {
    return Number(
      (await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)).buffer.readBigUInt64BE(24),
    );
  } finally {
    await file.close();
  }
}

/** Whether nothing was ever written to an overlay of our own making. */
export async function isEmptyOverlay(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(headBytes);
    await file.read(head, 0, headBytes, 0);
    const table = Buffer.alloc(Math.min(head.readUInt32BE(36) * 8, l1BytesMax));
    await file.read(table, 0, table.length, Number(head.readBigUInt64BE(40)));
    return isZero(table);
  } finally {
    await file.close();
  }
}

/** The place that an entry of a table names, without its flags; 0 for none. */
const placeOf = (high: number, low: number) =>
  (high & 0x00ffffff) * word + ((low & 0xfffffe00) >>> 0);

/** Two halves of an entry of eight bytes. */
type Entry = readonly [high: number, low: number];

/** Where the bytes of an entry end in the file at the least; 0 for an entry that needs none. */
function endOf(
  [high, low]: Entry,
  parts: number,
  { clusterBytes }: Qcow2Header,
  guestBytes: number,
): number {
  if ((high & 0x40000000) !== 0) {
    // A compressed cluster: the file must have at least one byte of its last sector.
    const offsetBits = 62 - (Math.log2(clusterBytes) - 8);
    const entry = (BigInt(high & 0x3fffffff) << 32n) | BigInt(low >>> 0);
    const offset = entry & ((1n << BigInt(offsetBits)) - 1n);
    return Number(((offset >> 9n) + (entry >> BigInt(offsetBits))) * 512n + 1n);
  }
  const place = placeOf(high, low);
  if (place === 0 || parts === 0) return 0;
  return place + Math.min((clusterBytes / subclusters) * (32 - Math.clz32(parts)), guestBytes);
}

/**
 * Throws `invalid`, with both numbers, when a cluster that the tables name is beyond the end of the
 * file. Returns the bytes of the disk that are in the file, unpacked.
 */
export async function assertQcow2Whole(path: string, signal?: AbortSignal): Promise<number> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const header = parseQcow2Header(
      (await file.read(Buffer.alloc(headBytes), 0, headBytes, 0)).buffer,
    );
    const { l1Offset, l1Entries, clusterBytes, virtualBytes, entryBytes } = header;
    const need = (end: number, what: string) => assertWithin(size, end, what);
    need(header.refcountsOffset + header.refcountsBytes, 'its table of reference counts');
    need(l1Offset + l1Entries * 8, 'its first table');
    const l1 = await readPart({ file, size }, l1Offset, l1Entries * 8, 'its first table');
    // Count each cluster once, however often a damaged table names it.
    const seen = new Set<number>();
    let clusters = 0;
    for (let index = 0; index < l1Entries; index++) {
      const place = placeOf(l1.readUInt32BE(index * 8), l1.readUInt32BE(index * 8 + 4));
      if (place === 0 || seen.has(place)) continue;
      seen.add(place);
      signal?.throwIfAborted();
      need(place + clusterBytes, 'one of its tables');
      const l2 = await readPart({ file, size }, place, clusterBytes, 'one of its tables');
      const first = index * (clusterBytes / entryBytes) * clusterBytes;
      for (let at = 0; at < clusterBytes; at += entryBytes) {
        const entry = [l2.readUInt32BE(at), l2.readUInt32BE(at + 4)] as const;
        if (entry[0] === 0 && entry[1] === 0) continue;
        // The subclusters that are in the file, as bits. A cluster without extended entries is
        // there as a whole, or reads as zeros.
        const parts = entryBytes === 16 ? l2.readUInt32BE(at + 12) : (entry[1] & 1) === 1 ? 0 : all;
        const guest = first + (at / entryBytes) * clusterBytes;
        const end = guest < virtualBytes ? endOf(entry, parts, header, virtualBytes - guest) : 0;
        need(end, 'what its disk holds');
        if (end > 0) clusters++;
      }
    }
    return clusters * clusterBytes;
  } finally {
    await file.close();
  }
}

/**
 * Reads from a disk of our own making that stands alone. Bytes that are not in its file, or lie
 * beyond the end of the disk, are zeros. The file is open until the work ends.
 */
export async function readingQcow2<Result>(
  path: string,
  work: (
    read: (offset: number, length: number) => Promise<Buffer>,
    diskBytes: number,
  ) => Promise<Result>,
): Promise<Result> {
  const disk = await openChain([path]);
  try {
    return await work((offset, length) => disk.read(offset, length), disk.bytes);
  } finally {
    await disk.close();
  }
}
