// EFI system partitions as mtools makes them, of each width of the table, and damaged ones.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type EfiPrograms, efiProgramsOn } from './efi-partition.ts';

const mib = 1024 ** 2;
const startBytes = mib;
const formats: Record<string, string[]> = {
  FAT12: ['-T', '4096'],
  FAT16: ['-T', '20000'],
  FAT32: ['-F', '-T', '70000'],
};

/** A disk with one EFI system partition, in which the files are. */
async function disk(format: readonly string[], files: readonly string[]): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-efi-'));
  try {
    const run = (file: string, ...args: string[]) => execFileSync(file, args, { cwd: folder });
    run('mformat', '-C', '-i', 'esp', ...format, '::');
    const folders = new Set<string>();
    await writeFile(join(folder, 'program'), 'MZ');
    await writeFile(join(folder, 'empty'), '');
    for (const file of files) {
      const parts = file.split('/').slice(0, -1);
      for (const [at] of parts.entries()) folders.add(parts.slice(0, at + 1).join('/'));
    }
    for (const one of folders) run('mmd', '-i', 'esp', `::/${one}`);
    for (const file of files)
      run('mcopy', '-i', 'esp', file.endsWith('empty.efi') ? 'empty' : 'program', `::/${file}`);
    const esp = await readFile(join(folder, 'esp'));
    return on(esp);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function on(partition: Buffer, type = 0xef): Buffer {
  const whole = Buffer.concat([Buffer.alloc(startBytes), partition]);
  whole.writeUInt16BE(0x55aa, 510);
  whole[450] = type;
  whole.writeUInt32LE(startBytes / 512, 454);
  whole.writeUInt32LE(partition.length / 512, 458);
  return whole;
}

const programs = (whole: Buffer): Promise<EfiPrograms> =>
  efiProgramsOn(async (at, length) => {
    const part = Buffer.alloc(length);
    whole.copy(part, 0, at, at + length);
    return part;
  }, whole.length);

const usual = 'EFI/BOOT/bootx64.efi';
const many = Array.from({ length: 200 }, (_, at) => `EFI/BOOT/a font with a long name ${at}.pf2`);

describe('the programs of an EFI system partition', () => {
  for (const [name, format] of Object.entries(formats)) {
    it(`are found in a ${name}, also behind many files`, async () => {
      assert.deepEqual(await programs(await disk(format, [...many, usual])), { kind: 'usual' });
      assert.deepEqual(
        await programs(await disk(format, ['EFI/debian/shimx64.efi', 'EFI/debian/grub.cfg'])),
        { kind: 'others', path: '/EFI/DEBIAN/SHIMX64.EFI' },
      );
      assert.deepEqual(await programs(await disk(format, ['startup.nsh', 'EFI/BOOT/empty.efi'])), {
        kind: 'none',
      });
    });
  }

  it('are those of another processor, or of Windows, where no usual one is', async () => {
    const format = formats.FAT16 ?? [];
    assert.deepEqual(await programs(await disk(format, ['EFI/BOOT/BOOTAA64.EFI'])), {
      kind: 'others',
      path: '/EFI/BOOT/BOOTAA64.EFI',
    });
    const windows = await programs(await disk(format, ['EFI/Microsoft/Boot/bootmgfw.efi']));
    assert.deepEqual(windows, { kind: 'others', path: '/EFI/MICROS~1/BOOT/BOOTMGFW.EFI' });
  });

  it('are none in what is no FAT, and no partition is told from an empty one', async () => {
    assert.deepEqual(await programs(on(Buffer.alloc(mib))), { kind: 'strange' });
    assert.deepEqual(await programs(on(Buffer.alloc(mib), 0x83)), { kind: 'no partition' });
  });

  it('are looked for without end in no damaged partition', async () => {
    const whole = await disk(['-T', '9000'], [usual]);
    for (let seed = 1; seed <= 300; seed++) {
      const damaged = Buffer.from(whole);
      // The head and the table, one byte or a run of them.
      const at = startBytes + ((seed * 7919) % 60_000);
      if (seed % 3 === 0) damaged.fill(seed, at, at + 512);
      else damaged[startBytes + (seed % 64)] = (seed * 37) % 256;
      assert.ok((await programs(damaged)).kind);
    }
    // Each cluster is followed by itself, and each folder is full and leads on.
    const tableAt = startBytes + 512 * whole.readUInt16LE(startBytes + 14);
    for (let cluster = 2; cluster < 2000; cluster++)
      whole.writeUInt16LE(cluster, tableAt + 2 * cluster);
    const folder = Buffer.alloc(32, ' ');
    folder.write('EFI');
    Object.assign(folder, { 11: 0x10, 20: 0, 21: 0, 26: 2, 27: 0 });
    for (let at = tableAt + 20_000; at + 32 <= whole.length; at += 32) folder.copy(whole, at);
    assert.ok((await programs(whole)).kind);
  });
});
