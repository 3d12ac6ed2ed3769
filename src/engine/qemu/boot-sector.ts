// Reads from the first bytes of a disk how it boots. It is pure, so it can judge any disk before a
// machine is started from it.

const sectorBytes = 512;
/** Of an EFI system partition, in a GPT and in the old table. */
export const efiTypes = ['28732ac11ff8d211ba4b00a0c93ec93b', 'ef'];
const biosBoot = '4861682149646f6e744e656564454649';
const entriesMax = 128;

/** Bytes of a disk that `firmwareOf` looks at. */
export const headBytes = 2 * sectorBytes + entriesMax * 128;

/** A partition with this attribute holds what a BIOS starts. */
const biosBootable = 1 << 2;

/**
 * `bios`: a boot sector with code, which a BIOS starts. `uefi`: an EFI system partition and no such
 * code. `doubtful`: both, in a GPT without a place for the second part of a BIOS loader. `none`:
 * neither.
 */
export function firmwareOf(head: Buffer): 'bios' | 'uefi' | 'doubtful' | 'none' {
  if (head.length < sectorBytes || head.readUInt16BE(510) !== 0x55aa) return 'none';
  const hasCode = head.subarray(0, 440).some((byte) => byte !== 0);
  const types = partitionTypes(head);
  const esp = efiTypes.some((type) => types.includes(type));
  if (!hasCode) return esp ? 'uefi' : 'none';
  return isGpt(head) && esp && !types.includes(biosBoot) ? 'doubtful' : 'bios';
}

const isGpt = (head: Buffer) =>
  head.length >= 2 * sectorBytes &&
  head.toString('latin1', sectorBytes, sectorBytes + 8) === 'EFI PART';

/** GUIDs as they lie on the disk, or types of the old table, in hexadecimal. */
function partitionTypes(head: Buffer): string[] {
  if (!isGpt(head))
    return [0, 1, 2, 3].map((index) => head.toString('hex', 450 + 16 * index, 451 + 16 * index));
  const count = Math.min(head.readUInt32LE(sectorBytes + 80), entriesMax);
  const each = head.readUInt32LE(sectorBytes + 84);
  const types: string[] = [];
  for (let index = 0; index < count && each >= 128; index++) {
    const at = 2 * sectorBytes + index * each;
    if (at + 16 > head.length) break;
    types.push(head.toString('hex', at, at + 16));
    // The loader of SYSLINUX looks for this, and has no partition of its own.
    if (at + 56 <= head.length && ((head[at + 48] ?? 0) & biosBootable) !== 0) types.push(biosBoot);
  }
  return types;
}
