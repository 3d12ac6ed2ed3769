// The cases of the corpus of imports that are archives: disks in them, and what only looks like
// one.

import { execFileSync } from 'node:child_process';
import { copyFile, symlink, writeFile } from 'node:fs/promises';
import type { Case, Corpus } from './corpus.ts';

const mib = 1024 ** 2;

const twoDisks = ({ archive, image }: Corpus, kind: 'tar' | 'zip') =>
  archive(kind, (inside) => {
    image('vdi', [], inside('a'));
    image('qcow2', [], inside('b'));
  });

/** Disks in archives. */
export const archivesOf = (corpus: Corpus): Case[] => {
  const { archive, vmdk, image, packed, raw, file, edited } = corpus;
  return [
    ...(['tar', 'zip'] as const).flatMap((kind): Case[] => [
      {
        format: kind,
        variant: 'a VMDK, monolithicFlat with its file',
        verdict: 'taken',
        make: () => archive(kind, (inside) => vmdk('monolithicFlat', inside('disk.vmdk'))),
      },
      {
        format: kind,
        variant: 'a VMDK, twoGbMaxExtentSparse with its files',
        verdict: 'taken',
        make: () => archive(kind, (inside) => vmdk('twoGbMaxExtentSparse', inside('disk.vmdk'))),
      },
      {
        format: kind,
        variant: 'a VMDK, twoGbMaxExtentFlat with its files',
        verdict: 'taken',
        make: () => archive(kind, (inside) => vmdk('twoGbMaxExtentFlat', inside('disk.vmdk'))),
      },
      {
        format: kind,
        variant: 'two disks',
        verdict: /holds 2 disks.*"vm\/a".*"vm\/b".*--disk NAME/,
        make: () => twoDisks(corpus, kind),
      },
      {
        format: kind,
        variant: 'two disks, one of them named',
        verdict: 'taken',
        wanted: 'b',
        make: () => twoDisks(corpus, kind),
      },
      {
        format: kind,
        variant: 'a link to a file of the host',
        verdict: /holds no disk: .*is a link, and links are not followed/,
        make: () => archive(kind, (inside) => symlink('/etc/passwd', inside('disk.raw'))),
      },
      {
        format: kind,
        variant: 'a VMDK whose descriptor names a file of the host',
        verdict: /names "\/etc\/passwd", which is not a file beside it/,
        make: () =>
          archive(kind, (inside) =>
            writeFile(inside('d.vmdk'), descriptor('FLAT "/etc/passwd" 0')),
          ),
      },
      {
        format: kind,
        variant: 'a VMDK whose descriptor names a file that is missing',
        verdict: /"gone.vmdk", which is not in the archive/,
        make: () =>
          archive(kind, (inside) => writeFile(inside('d.vmdk'), descriptor('SPARSE "gone.vmdk"'))),
      },
      {
        format: kind,
        variant: 'another archive',
        verdict: /holds another archive/,
        make: () =>
          archive(kind, async (inside) =>
            copyFile(await archive('zip', (name) => copyFile(raw, name('x'))), inside('y')),
          ),
      },
      {
        format: kind,
        variant: 'no disk',
        verdict: /holds no disk: in it are "vm\/letter"/,
        make: () => archive(kind, (inside) => writeFile(inside('letter'), 'a letter')),
      },
      {
        format: kind,
        variant: 'cut off',
        verdict: /cut off/,
        make: async () =>
          edited(await archive(kind, (inside) => copyFile(raw, inside('x'))), (all) =>
            all.subarray(0, -mib),
          ),
      },
    ]),
    {
      format: 'OVA',
      variant: 'one streamOptimized VMDK',
      verdict: 'taken',
      make: () => ova({ archive, vmdk }),
    },
    {
      format: 'OVA',
      variant: 'a disk compressed with gzip, as OVF allows',
      verdict: 'taken',
      make: () =>
        archive('tar', async (inside) =>
          copyFile(await packed('gzip', image('vmdk')), inside('d.vmdk.gz')),
        ),
    },
    {
      format: 'tar in gzip',
      variant: 'a raw disk, as Google writes it',
      verdict: 'taken',
      make: async () =>
        packed('gzip', await archive('tar', (inside) => copyFile(raw, inside('disk.raw')))),
    },
    {
      format: 'zip',
      variant: 'packed with bzip2',
      verdict: 'taken',
      async make() {
        const to = file('bzip2.zip');
        execFileSync('zip', ['-q', '-Z', 'bzip2', to, raw], { stdio: 'pipe' });
        return to;
      },
    },
    {
      format: 'zip',
      variant: 'a name that looks like a pattern',
      verdict: 'taken',
      wanted: 'a [1] *é.raw',
      make: () =>
        archive('zip', async (inside) => {
          await copyFile(raw, inside('a [1] *é.raw'));
          await copyFile(raw, inside('b'));
        }),
    },
    {
      format: 'zip',
      variant: 'encrypted',
      verdict: /is encrypted; pack it without a password/,
      async make() {
        execFileSync('zip', ['-q', '-P', 'x', file('locked.zip'), raw], { stdio: 'pipe' });
        return file('locked.zip');
      },
    },
  ];
};

const descriptor = (extent: string) =>
  `# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="custom"\nRW 8192 ${extent}\n`;

const ova = ({ archive, vmdk }: Pick<Corpus, 'archive' | 'vmdk'>) =>
  archive('tar', async (inside) => {
    await writeFile(inside('machine.ovf'), '<?xml version="1.0"?><Envelope/>');
    await writeFile(inside('machine.mf'), 'SHA256(machine.ovf)= 0\n');
    vmdk('streamOptimized', inside('machine-disk1.vmdk'));
  });
