// The cases of the corpus of imports: the formats and packings that are taken, and their relatives
// that are refused.

import { readFile, truncate, writeFile } from 'node:fs/promises';
import type { Case, Corpus } from './corpus.ts';
import { archivesOf } from './import-archives.ts';

const mib = 1024 ** 2;

/** One disk in one file. */
const disks = ({ image, vmdk, raw, file, edited }: Corpus): Case[] => [
  {
    format: 'raw',
    variant: 'file system without a partition table',
    verdict: 'taken',
    make: () => raw,
  },
  { format: 'qcow2', variant: 'plain', verdict: 'taken', make: () => image('qcow2') },
  {
    format: 'qcow2',
    variant: 'compressed with zlib',
    verdict: 'taken',
    make: () => image('qcow2', ['-c']),
  },
  { format: 'qed', variant: 'plain', verdict: 'taken', make: () => image('qed') },
  {
    format: 'qed',
    variant: 'not closed',
    verdict: /not closed .* qemu-img check -r all/,
    make: () => edited(image('qed'), (bytes) => void bytes.writeUInt8(2, 16)),
  },
  {
    format: 'VMDK',
    variant: 'monolithicSparse',
    verdict: 'taken',
    make: () => vmdk('monolithicSparse'),
  },
  {
    format: 'VMDK',
    variant: 'streamOptimized',
    verdict: 'taken',
    make: () => vmdk('streamOptimized'),
  },
  {
    format: 'VMDK',
    variant: 'monolithicFlat, the descriptor alone',
    verdict: /descriptor of a VMDK, which only names the files .* archive \(zip or tar\)/,
    make: () => vmdk('monolithicFlat', file('alone.vmdk')),
  },
  {
    format: 'VMDK',
    variant: 'twoGbMaxExtentSparse, one of its parts alone',
    verdict: /one of several that a VMDK is divided into/,
    make() {
      vmdk('twoGbMaxExtentSparse', file('part.vmdk'));
      return file('part-s001.vmdk');
    },
  },
  {
    format: 'VMDK',
    variant: 'difference from a parent (snapshot, linked clone)',
    verdict: /only the difference from another disk/,
    make: () =>
      edited(vmdk('monolithicSparse'), (bytes) =>
        Buffer.from(
          bytes.toString('latin1').replace('parentCID=ffffffff', 'parentCID=12345678'),
          'latin1',
        ),
      ),
  },
  {
    format: 'VMDK',
    variant: 'with no sectors of its own, which leads to the files of its descriptor',
    verdict: /damaged: expected a disk with sectors/,
    make: () => edited(vmdk('monolithicSparse'), (bytes) => void bytes.writeBigUInt64LE(0n, 12)),
  },
  {
    format: 'VHD',
    variant: 'dynamic',
    verdict: 'taken',
    make: () => image('vpc', ['-o', 'force_size=on']),
  },
  {
    format: 'VHD',
    variant: 'fixed',
    verdict: 'taken',
    make: () => image('vpc', ['-o', 'subformat=fixed,force_size=on']),
  },
  {
    format: 'VHD',
    variant: 'differencing',
    verdict: /differencing VHD: .* Merge-VHD/,
    make: () => edited(image('vpc', ['-o', 'force_size=on']), asDifferencing),
  },
  { format: 'VHDX', variant: 'dynamic', verdict: 'taken', make: () => image('vhdx') },
  {
    format: 'VHDX',
    variant: 'fixed',
    verdict: 'taken',
    make: () => image('vhdx', ['-o', 'subformat=fixed']),
  },
  {
    format: 'VHDX',
    variant: 'differencing',
    verdict: /differencing VHDX: .* Merge-VHD/,
    make: () => edited(image('vhdx'), withParent),
  },
  { format: 'VDI', variant: 'dynamic', verdict: 'taken', make: () => image('vdi') },
  {
    format: 'VDI',
    variant: 'fixed',
    verdict: 'taken',
    make: () => image('vdi', ['-o', 'static=on']),
  },
  {
    format: 'VDI',
    variant: 'differencing',
    verdict: /differencing VDI/,
    make: () => edited(image('vdi'), (bytes) => void bytes.writeUInt32LE(4, 76)),
  },
];

/** Type 4, and the checksum of the footer anew. */
function asDifferencing(bytes: Buffer): undefined {
  const footer = bytes.subarray(-512);
  footer.writeUInt32BE(4, 60);
  footer.writeUInt32BE(0, 64);
  footer.writeUInt32BE(~footer.reduce((sum, byte) => sum + byte, 0) >>> 0, 64);
}

/** Sets the flag in the parameters of a VHDX, which begin with the size of its blocks. */
function withParent(bytes: Buffer): undefined {
  const id = Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex');
  const row = bytes.indexOf(id);
  const metadata = row - ((row - 32) % 32) - 32;
  const table = bytes.lastIndexOf(Buffer.from('metadata'), row);
  bytes.writeUInt32LE(2, (metadata < table ? table : table) + bytes.readUInt32LE(row + 16) + 4);
}

/** Disks that are compressed. */
const compressed = ({ packed, image, raw, file, edited }: Corpus): Case[] => [
  ...(['gzip', 'bzip2', 'xz', 'zstd'] as const).flatMap((program): Case[] => [
    { format: program, variant: 'a raw disk', verdict: 'taken', make: () => packed(program, raw) },
    {
      format: program,
      variant: 'cut off',
      verdict: new RegExp(`cut off or damaged: ${program} cannot unpack it`),
      make: async () => edited(await packed(program, raw), (bytes) => bytes.subarray(0, -1000)),
    },
  ]),
  { format: 'gzip', variant: 'a VHD', verdict: 'taken', make: () => packed('gzip', image('vpc')) },
  {
    format: 'gzip',
    variant: 'of several members',
    verdict: 'taken',
    async make() {
      const whole = await readFile(raw);
      await writeFile(file('one'), whole.subarray(0, mib));
      await writeFile(file('two'), whole.subarray(mib));
      const [one, two] = [await packed('gzip', file('one')), await packed('gzip', file('two'))];
      await writeFile(file('both'), Buffer.concat([await readFile(one), await readFile(two)]));
      return file('both');
    },
  },
  {
    format: 'zstd',
    variant: 'of several frames',
    verdict: 'taken',
    async make() {
      const [one, two] = [await packed('zstd', file('one')), await packed('zstd', file('two'))];
      await writeFile(file('frames'), Buffer.concat([await readFile(one), await readFile(two)]));
      return file('frames');
    },
  },
  {
    format: 'xz',
    variant: 'twice',
    verdict: /packed more than once/,
    make: async () => packed('xz', await packed('gzip', raw)),
  },
  {
    format: 'gzip',
    variant: 'of no disk',
    verdict: /not a disk/,
    async make() {
      await writeFile(file('letter'), 'a letter\n'.repeat(1000));
      return packed('gzip', file('letter'));
    },
  },
];

/** Things that are no disk of a machine. */
const others = ({ file, run }: Corpus): Case[] => {
  const marked =
    (name: string, at: number, mark: string, bytes = 2 * mib) =>
    async () => {
      const content = Buffer.alloc(bytes);
      content.write(mark, at, 'latin1');
      await writeFile(file(name), content);
      return file(name);
    };
  return [
    {
      format: 'ISO 9660',
      variant: 'an installer',
      verdict: /image of a CD or DVD .* Give the disk of a machine on which it was installed/,
      async make() {
        await writeFile(file('inside-iso'), 'x');
        run('xorrisofs', '-quiet', '-o', file('x.iso'), file('inside-iso'));
        await truncate(file('x.iso'), 4 * mib);
        return file('x.iso');
      },
    },
    {
      format: 'LUKS',
      variant: 'an encrypted disk',
      verdict: /encrypted with LUKS/,
      make: marked('luks', 0, 'LUKS\xba\xbe'),
    },
    {
      format: 'swap',
      variant: 'a swap area',
      verdict: /swap area/,
      make: marked('swap', 4086, 'SWAPSPACE2'),
    },
    {
      format: '7z',
      variant: 'an archive',
      verdict: /7z archive.*7z x FILE/,
      make: marked('7z', 0, '7z\xbc\xaf\x27\x1c'),
    },
    { format: 'nothing', variant: 'zeros', verdict: /not a disk/, make: marked('zeros', 0, '') },
    {
      format: 'btrfs',
      variant: 'without a partition table',
      verdict: 'taken',
      make: marked('btrfs', 65_600, '_BHRfS_M'),
    },
    {
      format: 'XFS',
      variant: 'cut off',
      verdict: /XFS file system of the disk has/,
      make: xfs(file),
    },
    {
      format: 'LVM',
      variant: 'a volume without a partition table',
      verdict: 'taken',
      make: marked('lvm', 512, `LABELONE${'\0'.repeat(16)}LVM2 001`),
    },
  ];
};

const xfs = (file: Corpus['file']) => async () => {
  const content = Buffer.alloc(2 * mib);
  content.write('XFSB');
  content.writeUInt32BE(4096, 4);
  content.writeBigUInt64BE(1_000_000n, 8);
  await writeFile(file('xfs'), content);
  return file('xfs');
};

export const casesOf = (corpus: Corpus): Case[] => [
  ...disks(corpus),
  ...compressed(corpus),
  ...archivesOf(corpus),
  ...others(corpus),
];
