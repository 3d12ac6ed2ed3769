// How a disk means to boot, read from its first bytes: pure, so that it can be asked of any disk before anything is started from it.

const sectorBytes = 512;
const [efiSystem, biosBoot] = ['28732ac11ff8d211ba4b00a0c93ec93b', '4861682149646f6e744e656564454649'];
const entriesMax = 128;

/** Bytes of a disk that `firmwareOf` looks at. */
export const headBytes = 2 * sectorBytes + entriesMax * 128;

/**
 * `bios`: a boot sector with code, which the firmware of a machine here starts. `uefi`: an EFI system partition and nothing for a BIOS.
 * `none`: no boot sector at all, as on a disk that is one file system and boots directly only.
 */
export function firmwareOf(head: Buffer): 'bios' | 'uefi' | 'none' {
  if (head.length < sectorBytes || head.readUInt16BE(510) !== 0x55aa) return 'none';
  const hasCode = head.subarray(0, 440).some((byte) => byte !== 0);
  const types = partitionTypes(head);
  const esp = types.includes(efiSystem) || types.includes('ef');
  // On a GPT, a BIOS loader has its second part in a partition of its own; the code of what makes images may be in sector 0 all the same.
  const forBios = hasCode && (!isGpt(head) || !esp || types.includes(biosBoot));
  if (forBios) return 'bios';
  return esp ? 'uefi' : 'none';
}

const isGpt = (head: Buffer) =>
  head.length >= 2 * sectorBytes && head.toString('latin1', sectorBytes, sectorBytes + 8) === 'EFI PART';

/** GUIDs as they lie on the disk, or types of the old table, in hexadecimal. */
function partitionTypes(head: Buffer): string[] {
  if (!isGpt(head)) return [0, 1, 2, 3].map((index) => head.toString('hex', 450 + 16 * index, 451 + 16 * index));
  const count = Math.min(head.readUInt32LE(sectorBytes + 80), entriesMax);
  const each = head.readUInt32LE(sectorBytes + 84);
  const types: string[] = [];
  for (let index = 0; index < count && each >= 128; index++) {
    const at = 2 * sectorBytes + index * each;
    if (at + 16 > head.length) break;
    types.push(head.toString('hex', at, at + 16));
  }
  return types;
}

export const firmwareWarning = (firmware: 'bios' | 'uefi' | 'none'): string | null =>
  ({
    bios: null,
    uefi: 'The disk boots by UEFI only (it has an EFI system partition and no boot loader for a BIOS), which machines here do not have: it will not start. Take the image of the same distribution that boots by BIOS too.',
    none: 'The disk has no boot sector, so it does not start by itself. Give its kernel and initrd too, or a disk with a boot loader for a BIOS.',
  })[firmware];
