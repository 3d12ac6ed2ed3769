// Judges the disks of Hyper-V and Virtual PC: VHD with its footer and table of blocks, and VHDX
// with its metadata. A disk that holds only the difference from another one is refused.

import { invalid } from '../../../domain/error.ts';
import { assertWithin, damaged, type OpenFile, readPart, readUpTo } from './file-part.ts';

const [sectorBytes, footerBytes, dynamicHeaderBytes] = [512, 512, 1024];
const blocksMax = 2 ** 22;
const cookie = 'conectix';

const needsParent = (kind: string) =>
  invalid(
    `The file is a differencing ${kind}: it holds only the difference from its parent; merge it into the parent (Hyper-V: Merge-VHD), and give the result.`,
  );

/** The last bytes of a file, which say whether it is a VHD of a fixed size. */
export async function hasVhdFooter(opened: OpenFile): Promise<boolean> {
  const { size } = opened;
  if (size < footerBytes) return false;
  return (await readUpTo(opened, size - footerBytes, cookie.length)).toString('latin1') === cookie;
}

export async function judgeVhd(opened: OpenFile, signal?: AbortSignal): Promise<void> {
  const { size } = opened;
  if (!(await hasVhdFooter(opened)))
    throw invalid(
      `The file is cut off: a VHD ends with a footer, and the last 512 of its ${size} bytes are none. Send the whole file.`,
    );
  const end = size - footerBytes;
  const footer = await readPart(opened, end, footerBytes, 'its footer');
  const sum = footer.reduce((total, byte, at) => total + (at >= 64 && at < 68 ? 0 : byte), 0);
  const told = footer.readUInt32BE(64);
  if (told !== ~sum >>> 0) throw damaged(`the checksum ${~sum >>> 0} in its footer`, told);
  const type = footer.readUInt32BE(60);
  if (type === 4) throw needsParent('VHD');
  if (type === 2) return assertWithin(end, Number(footer.readBigUInt64BE(48)), 'its disk');
  if (type !== 3) throw damaged('a VHD that is fixed, dynamic or differencing (2 to 4)', type);
  await assertBlocks(opened, Number(footer.readBigUInt64BE(16)), end, signal);
}

async function assertBlocks(opened: OpenFile, at: number, end: number, signal?: AbortSignal) {
  const header = await readPart(opened, at, dynamicHeaderBytes, 'its second header');
  if (header.toString('latin1', 0, 8) !== 'cxsparse')
    throw damaged('a second header', 'other bytes');
  const [entries, blockBytes] = [header.readUInt32BE(28), header.readUInt32BE(32)];
  if (entries > blocksMax) throw damaged(`a table of at most ${blocksMax} blocks`, entries);
  if (blockBytes < sectorBytes || blockBytes % sectorBytes !== 0)
    throw damaged('blocks of whole sectors', blockBytes);
  const bitmapBytes = Math.ceil(blockBytes / sectorBytes / 8 / sectorBytes) * sectorBytes;
  const table = await readPart(
    opened,
    Number(header.readBigUInt64BE(16)),
    entries * 4,
    'its table of blocks',
  );
  signal?.throwIfAborted();
  for (let index = 0; index < entries; index++) {
    const sector = table.readUInt32BE(index * 4);
    if (sector !== 0xffffffff)
      assertWithin(end, sector * sectorBytes + bitmapBytes + blockBytes, 'what its disk holds');
  }
}

const [regionsAt, regionBytes, regionsMax, itemsMax] = [192 * 1024, 64 * 1024, 2047, 2047];
const metadataRegion = '06a27c8b90479a4bb8fe575f050f886e';
const fileParameters = '3767a1ca36fa434db3b633f0aa44e76b';

/** The parts that tell whether a VHDX needs a parent. What else is in it, qemu-img checks. */
export async function judgeVhdx(opened: OpenFile): Promise<void> {
  const regions = await readPart(opened, regionsAt, regionBytes, 'its table of regions');
  if (regions.toString('latin1', 0, 4) !== 'regi')
    throw damaged('a table of regions', 'other bytes');
  const count = regions.readUInt32LE(8);
  if (count > regionsMax) throw damaged(`at most ${regionsMax} regions`, count);
  const region = rowOf(regions, 16, count, metadataRegion);
  if (!region) throw damaged('a region of metadata', 'none');
  const at = Number(region.readBigUInt64LE(16));
  const table = await readPart(opened, at, regionBytes, 'its metadata');
  const items = table.readUInt16LE(10);
  if (table.toString('latin1', 0, 8) !== 'metadata' || items > itemsMax)
    throw damaged('a table of metadata', 'other bytes');
  const item = rowOf(table, 32, items, fileParameters);
  if (!item) throw damaged('parameters of the file', 'none');
  const parameters = await readPart(opened, at + item.readUInt32LE(16), 8, 'its parameters');
  if ((parameters.readUInt32LE(4) & 2) !== 0) throw needsParent('VHDX');
}

/** The row of a table that begins with an id; each row has 32 bytes. */
function rowOf(table: Buffer, from: number, count: number, id: string): Buffer | undefined {
  for (let index = 0; index < count; index++) {
    const row = table.subarray(from + index * 32, from + (index + 1) * 32);
    if (row.length === 32 && row.toString('hex', 0, 16) === id) return row;
  }
  return undefined;
}
