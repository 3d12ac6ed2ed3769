// A base with its own boot loader, like a distribution's cloud image, boots by BIOS. It reads its
// NoCloud seed in a build and in a machine.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openQemu } from '../../src/engine/qemu/engine.ts';
import { call } from '../call.ts';
import { contents } from '../content.ts';
import { diskId, layerId, machineOn, recipeOf } from '../contract/engine/world.ts';
import { demoBase } from '../demo-base.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';

const sectorBytes = 512;
const partitionStart = 2048;

/** Makes a disk that has GRUB, and a partition with the demo base and its kernel. */
async function bootableDisk(folder: string): Promise<string> {
  const demo = await demoBase();
  const run = (file: string, ...args: string[]) =>
    execFileSync(file, args, { cwd: folder, stdio: 'pipe' });
  const partition = join(folder, 'partition.raw');
  const disk = join(folder, 'disk.raw');
  run('qemu-img', 'convert', '-O', 'raw', demo.disk, partition);
  run('debugfs', '-w', '-R', `write ${demo.kernel} boot/kernel`, partition);
  run('debugfs', '-w', '-R', `write ${demo.initrd} boot/initrd`, partition);
  run('dd', `if=${partition}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=sparse');
  await truncate(disk, 2 * gbBytes + 1024 * 1024);
  await writeFile(
    join(folder, 'grub.cfg'),
    'set root=(hd0,msdos1)\nlinux /boot/kernel root=/dev/vda1 rw quiet console=ttyS0 no_timer_check\ninitrd /boot/initrd\nboot\n',
  );
  run(
    'grub-mkimage',
    '-O',
    'i386-pc',
    '-c',
    'grub.cfg',
    '-p',
    '/',
    '-o',
    'core.img',
    'biosdisk',
    'part_msdos',
    'ext2',
    'linux',
    'normal',
  );
  run('dd', 'if=/usr/lib/grub/i386-pc/boot.img', `of=${disk}`, 'bs=440', 'count=1', 'conv=notrunc');
  run('dd', 'if=core.img', `of=${disk}`, `bs=${sectorBytes}`, 'seek=1', 'conv=notrunc');
  const entry = Buffer.alloc(66);
  entry[0] = 0x80;
  entry[4] = 0x83;
  entry.writeUInt32LE(partitionStart, 8);
  entry.writeUInt32LE((2 * gbBytes) / sectorBytes, 12);
  entry.writeUInt16BE(0x55aa, 64);
  const handle = await open(disk, 'r+');
  await handle.write(entry, 0, entry.length, 446);
  await handle.close();
  return disk;
}

describe('a base that boots by its firmware', () => {
  it('runs a recipe from its seed, and starts machines with the result and their own name', async (t) => {
    const folder = await temporaryFolder(t);
    const engine = await openQemu({ root: join(folder, 'engine') });
    const boot = { mode: 'bios' } as const;
    const [base, built, disk] = [layerId(), layerId(), diskId()];
    const id = 3 as MachineId;
    defer(t, () => engine.stopMachine({ machineId: id, graceMs: 0 }, call));
    await engine.importBase(
      { layerId: base, ...(await contents({ disk: await bootableDisk(folder) })) },
      call,
    );
    const on = { parentId: base, baseLayerId: base, chain: [base] };
    const spec = { layerId: built, ...on, boot, sizeBytes: 3 * gbBytes, label: 'a title' };
    const result = await engine.buildLayer(
      { ...spec, recipe: recipeOf('echo from the recipe\necho built > /built\n') },
      call,
    );
    assert.deepEqual([result.exitCode, result.output.trim()], [0, 'from the recipe']);
    await engine.ensureDisk({ diskId: disk, layerId: built, sizeBytes: 3 * gbBytes }, call);
    const machine = { machineId: id, diskId: disk, name: 'Studio 3', memoryMb: 512 };
    await engine.startMachine(
      machineOn({ ...machine, boot, baseLayerId: base, chain: [built, base] }),
      call,
    );
    await waitFor(
      'the machine is ready',
      async () => (await engine.machineState(id, call)) === 'ready',
      180_000,
      200,
    );
    const { stdout } = await engine.exec.run(
      { machineId: id, command: ['/bin/sh', '-c', 'cat /built; hostname'] },
      call,
    );
    assert.equal(stdout, 'built\nstudio-3\n');
  });
});
