// Disks that boot by UEFI are judged when they come, without a machine on them, because a firmware
// that finds nothing says nothing.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { pathsIn } from '../../src/engine/qemu/paths.ts';
import { fileContent } from '../../src/lib/content.ts';
import { call } from '../call.ts';
import { layerId } from '../contract/engine/world.ts';
import { temporaryFolder } from '../support.ts';

const sectorBytes = 512;
const start = 2048;
const bytesMax = 1024 ** 3;

/** A disk with an EFI system partition, which holds a program at each of the paths. */
async function disk(folder: string, name: string, programs: readonly string[]): Promise<string> {
  const run = (file: string, ...args: string[]) =>
    execFileSync(file, args, { cwd: folder, stdio: 'pipe' });
  const esp = `${name}.esp`;
  run('mformat', '-C', '-i', esp, '-T', '8192', '::');
  run('mmd', '-i', esp, '::/EFI', '::/EFI/BOOT', '::/EFI/debian');
  await writeFile(join(folder, 'program'), 'MZ');
  for (const path of programs) run('mcopy', '-i', esp, 'program', `::/EFI/${path}`);
  const inside = await readFile(join(folder, esp));
  const whole = Buffer.concat([Buffer.alloc(start * sectorBytes), inside]);
  whole[450] = 0xef;
  whole.writeUInt32LE(start, 454);
  whole.writeUInt32LE(inside.length / sectorBytes, 458);
  whole.writeUInt16BE(0x55aa, 510);
  await writeFile(join(folder, `${name}.raw`), whole);
  return join(folder, `${name}.raw`);
}

describe('an import of a disk with an EFI system partition', () => {
  it('says what keeps its firmware from starting anything', async (t) => {
    const folder = await temporaryFolder(t);
    const root = join(folder, 'engine');
    const engine = await openQemu({ root });
    const taken = async (path: string) => {
      const id = layerId();
      const spec = { layerId: id, parentId: null, bytesMax, disk: await fileContent(path) };
      await engine.transfer.importLayer(spec, call);
      return id;
    };
    const said = (id: ReturnType<typeof layerId>, mode: 'bios' | 'uefi') =>
      engine.bootCheck.fault({ boot: { mode }, baseLayerId: id }, call);

    const good = await taken(await disk(folder, 'good', ['BOOT/BOOTX64.EFI']));
    assert.equal(await said(good, 'uefi'), null);
    const wrong = await said(good, 'bios');
    assert.match(wrong?.says ?? '', /boots by UEFI only .* its boot profile says BIOS/);
    assert.equal(wrong?.sure, true);

    const empty = await said(await taken(await disk(folder, 'empty', [])), 'uefi');
    assert.match(empty?.says ?? '', /has no boot loader \(no program in \\EFI\); put one there/);
    assert.equal(empty?.sure, true);

    const named = await taken(await disk(folder, 'named', ['debian/shimx64.efi']));
    const listed = await said(named, 'uefi');
    assert.match(listed?.says ?? '', /no \\EFI\\BOOT\\BOOTX64\.EFI.*\\EFI\\DEBIAN\\SHIMX64\.EFI;/);
    assert.equal(listed?.sure, true);
    // The variables of an export from here have the list by which the firmware finds it.
    await writeFile(pathsIn(root).layerState(named).variables, 'variables');
    assert.equal(await said(named, 'uefi'), null);

    const old = Buffer.alloc(4 * 1024 ** 2, 1);
    old.fill(0, 446, 510);
    old[450] = 0x83;
    old.writeUInt32LE(start, 454);
    old.writeUInt32LE(start, 458);
    old.writeUInt16BE(0x55aa, 510);
    await writeFile(join(folder, 'old.raw'), old);
    const bios = await taken(join(folder, 'old.raw'));
    assert.equal(await said(bios, 'bios'), null);
    assert.match((await said(bios, 'uefi'))?.says ?? '', /no EFI system partition/);
  });
});
