// Judges the disks of VirtualBox (VDI) and QEMU's former format (QED) by their headers.

import { invalid } from '../../../domain/error.ts';
import { assertWithin, damaged, type OpenFile, readPart } from './file-part.ts';

const headerBytes = 512;
const blocksMax = 2 ** 24;
/** So many are looked at in one go, so that the server does not stand still. */
const mapPieceBlocks = 2 ** 16;
/** Blocks that are not in the file, or read as zeros, have the last two numbers. */
const firstAbsent = 0xfffffffe;

export async function judgeVdi(opened: OpenFile, signal?: AbortSignal): Promise<void> {
  const header = await readPart(opened, 0, headerBytes, 'its header');
  const type = header.readUInt32LE(76);
  const hasParent = header.subarray(424, 456).some((byte) => byte !== 0);
  if (type === 3 || type === 4 || hasParent)
    throw invalid(
      'The file is a differencing VDI, as snapshots and linked clones have: it holds only the difference from another disk; clone the disk (VBoxManage clonemedium), and give the clone.',
    );
  if (type !== 1 && type !== 2) throw damaged('a VDI that is dynamic or fixed (1 or 2)', type);
  const [mapAt, dataAt] = [header.readUInt32LE(340), header.readUInt32LE(344)];
  const [blockBytes, blocks] = [header.readUInt32LE(376), header.readUInt32LE(384)];
  if (blocks > blocksMax || blockBytes === 0) throw damaged(`at most ${blocksMax} blocks`, blocks);
  const allocated = header.readUInt32LE(388);
  for (let first = 0; first < blocks; first += mapPieceBlocks) {
    signal?.throwIfAborted();
    const length = Math.min(mapPieceBlocks, blocks - first);
    const map = await readPart(opened, mapAt + first * 4, length * 4, 'its table of blocks');
    for (let index = 0; index < length; index++) {
      const block = map.readUInt32LE(index * 4);
      if (block >= firstAbsent) continue;
      if (block >= allocated) throw damaged(`blocks below ${allocated}`, block);
      assertWithin(opened.size, dataAt + (block + 1) * blockBytes, 'what its disk holds');
    }
  }
}

/** The rest is checked by qemu-img check. */
export async function judgeQed(opened: OpenFile): Promise<void> {
  const features = (await readPart(opened, 0, 64, 'its header')).readBigUInt64LE(16);
  if ((features & 1n) !== 0n)
    throw invalid(
      'The file names a backing file and is not complete by itself; flatten it first: qemu-img convert -O qcow2 IN OUT',
    );
  if ((features & 2n) !== 0n)
    throw invalid(
      'The file was not closed by the program that wrote it; close that program, or type: qemu-img check -r all FILE',
    );
}
