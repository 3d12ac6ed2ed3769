// Judges the sparse files of VMware (VMDK): one disk in one file, as VMware's products and exports
// (OVA) write it, or one of the files that a disk is divided into. A file that needs another one is
// refused, and so is one that does not have all the grains that its tables name.

import { invalid } from '../../../domain/error.ts';
import { assertWithin, damaged, type OpenFile, readPart } from './file-part.ts';
import { parseDescriptor } from './vmdk-descriptor.ts';

const [sectorBytes, headerBytes, tableEntriesMax] = [512, 512, 512];
const directoryBytesMax = 32 * 1024 ** 2;
const descriptorBytesMax = 64 * 1024;
const grainSectorsMax = 2 ** 21;
/** Grains are compressed, each behind a mark. */
const compressedFlag = 0x10000;
/** The header stands at the end of the file, where a program that only streams can write it. */
const atEnd = 2n ** 64n - 1n;
const footerBytes = 3 * sectorBytes;

interface SparseHeader {
  sectors: number;
  grainSectors: number;
  tableEntries: number;
  directoryBytes: number;
  descriptor: { offset: number; bytes: number } | null;
  isCompressed: boolean;
}

function parseHeader(head: Buffer, directoryAt: bigint): SparseHeader {
  if (head.toString('latin1', 0, 4) !== 'KDMV')
    throw damaged('the header of a VMDK', 'other bytes');
  const version = head.readUInt32LE(4);
  if (version < 1 || version > 3) throw damaged('a VMDK of version 1 to 3', version);
  const small = (at: number, what: string, most: number) => {
    const value = head.readBigUInt64LE(at);
    if (value > BigInt(most)) throw damaged(`at most ${most} ${what}`, value);
    return Number(value);
  };
  const sectors = small(12, 'sectors', 2 ** 35);
  const grainSectors = small(20, 'sectors in a grain', grainSectorsMax);
  const tableEntries = head.readUInt32LE(44);
  // With no sectors of its own it would lead a tool to the files that its descriptor names.
  if (sectors === 0 || grainSectors === 0) throw damaged('a disk with sectors in grains', 0);
  if (tableEntries === 0 || tableEntries > tableEntriesMax)
    throw damaged(`1 to ${tableEntriesMax} entries in a table`, tableEntries);
  const [offset, length] = [
    small(28, 'sectors before its descriptor', 2 ** 35),
    small(36, 'sectors of a descriptor', 2 ** 20),
  ];
  return {
    sectors,
    grainSectors,
    tableEntries,
    directoryBytes: Number(directoryAt) * sectorBytes,
    descriptor:
      offset === 0
        ? null
        : {
            offset: offset * sectorBytes,
            bytes: Math.min(length * sectorBytes, descriptorBytesMax),
          },
    isCompressed: (head.readUInt32LE(8) & compressedFlag) !== 0,
  };
}

async function headerOf(opened: OpenFile): Promise<SparseHeader> {
  const head = await readPart(opened, 0, headerBytes, 'its header');
  const directoryAt = head.readBigUInt64LE(56);
  if (directoryAt !== atEnd) return parseHeader(head, directoryAt);
  const end = Math.ceil(opened.size / sectorBytes) * sectorBytes;
  const footer = await readPart(
    opened,
    Math.max(0, end - 2 * sectorBytes),
    headerBytes,
    'its footer',
  );
  if (opened.size < footerBytes || footer.toString('latin1', 0, 4) !== 'KDMV')
    throw invalid(
      'The file is cut off: a VMDK of this kind ends with a footer, and there is none. Send the whole file.',
    );
  return parseHeader(footer, footer.readBigUInt64LE(56));
}

/** Throws `invalid` for a file of a disk that is in several. */
export async function judgeVmdk(opened: OpenFile, signal?: AbortSignal): Promise<void> {
  const head = await readPart(opened, 0, headerBytes, 'its header');
  const header = await headerOf(opened);
  const place = parseHeader(head, 0n).descriptor;
  const text = place ? await readPart(opened, place.offset, place.bytes, 'its descriptor') : null;
  const descriptor = text?.toString('latin1').replace(/\0[\s\S]*$/, '') ?? '';
  if (descriptor === '')
    throw invalid(
      'The file is one of several that a VMDK is divided into; pack all of them and the descriptor (the VMDK that is a text) into one archive (zip or tar), and give that.',
    );
  const { extents } = parseDescriptor(descriptor);
  const [only] = extents;
  if (extents.length !== 1 || only?.type !== 'SPARSE')
    throw invalid(
      `The VMDK names ${extents.length} files that hold its disk, and is not complete by itself; pack all of them into one archive (zip or tar), and give that.`,
    );
  await assertGrains(opened, header, signal);
}

/** Throws `invalid` unless the file has exactly so many sectors of a disk, and all their grains. */
export async function judgeSparseExtent(
  opened: OpenFile,
  sectors: number,
  signal?: AbortSignal,
): Promise<void> {
  const header = await headerOf(opened);
  if (header.sectors !== sectors)
    throw damaged(
      `a file of ${sectors} sectors of the disk, as the descriptor says`,
      header.sectors,
    );
  await assertGrains(opened, header, signal);
}

async function assertGrains(
  opened: OpenFile,
  { sectors, grainSectors, tableEntries, directoryBytes, isCompressed }: SparseHeader,
  signal?: AbortSignal,
): Promise<void> {
  const tables = Math.ceil(sectors / (tableEntries * grainSectors));
  if (tables * 4 > directoryBytesMax)
    throw damaged(`a directory of at most ${directoryBytesMax} bytes`, tables * 4);
  const directory = await readPart(opened, directoryBytes, tables * 4, 'its directory of tables');
  // Read each table once, however often a damaged directory names it.
  const seen = new Set([0]);
  for (let table = 0; table < tables; table++) {
    const at = directory.readUInt32LE(table * 4) * sectorBytes;
    if (seen.has(at)) continue;
    seen.add(at);
    signal?.throwIfAborted();
    const entries = await readPart(opened, at, tableEntries * 4, 'one of its tables');
    for (let index = 0; index < tableEntries; index++) {
      const grain = entries.readUInt32LE(index * 4);
      // 0: no such grain. 1: a grain of zeros.
      if (grain < 2) continue;
      const first = (table * tableEntries + index) * grainSectors;
      if (first >= sectors) break;
      const length = isCompressed ? 1 : Math.min(grainSectors, sectors - first);
      assertWithin(opened.size, (grain + length) * sectorBytes, 'what its disk holds');
    }
  }
}
