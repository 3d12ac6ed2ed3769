// Recognises a file from outside by its content: a disk and its format, something that a disk is
// packed in, or what it is instead. Names say nothing. It is pure, so an upload is judged by its
// first bytes, and an archive by those of its members.

import { invalid } from './error.ts';

/** The formats of disks that are taken, by QEMU's names for them; `vpc` is VHD. */
export type DiskFormat = 'qcow2' | 'raw' | 'vmdk' | 'vpc' | 'vhdx' | 'vdi' | 'qed';
export type Compression = 'gzip' | 'bzip2' | 'xz' | 'zstd';

type FileKind =
  | { kind: 'disk'; format: DiskFormat }
  | { kind: 'compressed'; by: Compression }
  | { kind: 'archive'; by: 'tar' | 'zip' }
  /** The text of a VMDK, which names the files that hold the disk. */
  | { kind: 'descriptor' }
  | { kind: 'refused'; says: string };

/** The first bytes that tell the kind of a file; a shorter file has fewer. */
export const headBytes = 72 * 1024;
const diskBytesMin = 1024 * 1024;
const sectorBytes = 512;

type Mark = [offset: number, bytes: string];

const disks: [format: DiskFormat, ...Mark][] = [
  ['vmdk', 0, 'KDMV'],
  ['vhdx', 0, 'vhdxfile'],
  ['vpc', 0, 'conectix'],
  ['vdi', 64, '\x7f\x10\xda\xbe'],
  ['qed', 0, 'QED\0'],
];

const compressions: [by: Compression, ...Mark][] = [
  ['gzip', 0, '\x1f\x8b\x08'],
  ['bzip2', 0, 'BZh'],
  ['xz', 0, '\xfd7zXZ\0'],
  ['zstd', 0, '\x28\xb5\x2f\xfd'],
];

const cdImage =
  'The file is the image of a CD or DVD (ISO 9660), from which a system is installed; it is no disk with an installed system. Give the disk of a machine on which it was installed, or the ready image for clouds (qcow2) that most distributions offer.';
const unpack = (name: string, tool: string) =>
  `The file is ${name}, which is not unpacked here; unpack it (${tool}), and give the disk that is in it.`;
const flatten = (name: string, format: string) =>
  `The file is ${name}; make a qcow2 of it: qemu-img convert -f ${format} -O qcow2 IN OUT`;

/** Things that people give for a disk, and what helps. */
const others: [says: string, ...Mark][] = [
  [cdImage, 32_769, 'CD001'],
  [cdImage, 32_769, 'BEA01'],
  [
    'The disk is encrypted with LUKS, and no machine here could ask for its passphrase; give a disk that is not encrypted.',
    0,
    'LUKS\xba\xbe',
  ],
  [
    'The file is a swap area, which holds no system; give the disk of a machine.',
    4086,
    'SWAPSPACE2',
  ],
  [flatten('a qcow of version 1', 'qcow'), 0, 'QFI\xfb\0\0\0\x01'],
  [flatten('a Parallels disk', 'parallels'), 0, 'WithoutFreeSpace'],
  [flatten('a Parallels disk', 'parallels'), 0, 'WithouFreSpacExt'],
  [
    'The file is one of the files of a snapshot on ESXi (COWD); export the machine as an OVA, and give that.',
    0,
    'COWD',
  ],
  [unpack('a 7z archive', '7z x FILE'), 0, '7z\xbc\xaf\x27\x1c'],
  [unpack('a RAR archive', 'unrar x FILE'), 0, 'Rar!'],
  [unpack('compressed with lz4', 'lz4 -d FILE'), 0, '\x04\x22\x4d\x18'],
  [unpack('compressed with lzip', 'lzip -d FILE'), 0, 'LZIP'],
  [
    'The file is a Windows image (WIM) and no disk; install Windows from it, and give that disk.',
    0,
    'MSWIM\0\0\0',
  ],
  [
    'The file is a squashfs, as live systems have it, and no disk with an installed system.',
    0,
    'hsqs',
  ],
];

const has = (head: Buffer, at: number, bytes: string) =>
  head.toString('latin1', at, at + bytes.length) === bytes;

/** Says which file of `bytes` bytes begins like this. `head` has the first `headBytes` of it. */
export function kindOf(head: Buffer, bytes: number): FileKind {
  const marked = <Row extends [unknown, number, string]>(rows: readonly Row[]) =>
    rows.find(([, at, mark]) => has(head, at, mark));
  const other = marked(others);
  if (other) return { kind: 'refused', says: other[0] };
  if (has(head, 0, 'QFI\xfb')) return { kind: 'disk', format: 'qcow2' };
  const disk = marked(disks);
  if (disk) return { kind: 'disk', format: disk[0] };
  const compression = marked(compressions);
  if (compression) return { kind: 'compressed', by: compression[0] };
  if (has(head, 0, 'PK\x03\x04') || has(head, 0, 'PK\x05\x06'))
    return { kind: 'archive', by: 'zip' };
  if (isTar(head)) return { kind: 'archive', by: 'tar' };
  if (isDescriptor(head)) return { kind: 'descriptor' };
  return rawKind(head, bytes);
}

const isDescriptor = (head: Buffer) =>
  /^(?:\xef\xbb\xbf)?\s*#\s*Disk\s*DescriptorFile/i.test(head.toString('latin1', 0, 256));

/** Whether the checksum of a header is right; old archives have no other mark. */
export function isTar(block: Buffer): boolean {
  if (block.length < sectorBytes || block[0] === 0) return false;
  const told = Number.parseInt(block.toString('latin1', 148, 156).replaceAll('\0', ' ').trim(), 8);
  const sum = block.subarray(0, sectorBytes).reduce((total, byte) => total + byte, 0);
  const field = block.subarray(148, 156).reduce((total, byte) => total + byte, 0);
  return told === sum - field + 8 * 0x20;
}

function rawKind(head: Buffer, bytes: number): FileKind {
  if (volumeIn(head) === null)
    return {
      kind: 'refused',
      says: 'The file is not a disk: it has the format of none that is known here (qcow2, VMDK, VHD, VHDX, VDI, QED), and neither a partition table nor a file system. Give a disk, or an archive with one.',
    };
  if (bytes % sectorBytes !== 0)
    return {
      kind: 'refused',
      says: `The file is cut off, or something follows its disk: it has ${bytes} bytes, and a raw disk has whole sectors of 512. For an export of Silversmith, give its manifest too (FILE.json).`,
    };
  if (bytes < diskBytesMin)
    return {
      kind: 'refused',
      says: `The file is not a disk of a machine: it has ${bytes} bytes, and the smallest has ${diskBytesMin}.`,
    };
  return { kind: 'disk', format: 'raw' };
}

/** The content of a raw disk, by its first bytes; null for any other content. */
export function volumeIn(head: Buffer): 'partitions' | 'ext' | 'XFS' | 'btrfs' | 'LVM' | null {
  const at = (offset: number, mark: string) =>
    head.length >= offset + mark.length && has(head, offset, mark);
  // A file system may have a boot loader of its own in its first sector.
  if (at(0, 'XFSB')) return 'XFS';
  if (at(1080, '\x53\xef')) return 'ext';
  if (at(65_600, '_BHRfS_M')) return 'btrfs';
  if (
    [0, 1, 2, 3].some((sector) => at(sector * 512, 'LABELONE') && at(sector * 512 + 24, 'LVM2 001'))
  )
    return 'LVM';
  return at(510, '\x55\xaa') ? 'partitions' : null;
}

const parts =
  'The file is the descriptor of a VMDK, which only names the files that hold the disk; pack it and them into one archive (zip or tar), and give that.';

/** Throws `invalid` for a file that is neither a disk nor something that a disk is packed in. */
export function assertHoldsDisk(head: Buffer, bytes: number) {
  const found = kindOf(head, bytes);
  if (found.kind === 'refused') throw invalid(found.says);
  if (found.kind === 'descriptor') throw invalid(parts);
  return found;
}
