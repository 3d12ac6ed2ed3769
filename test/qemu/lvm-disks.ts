// Disks with logical volumes of LVM. Nothing is activated, so they need no device mapper; the file
// system is put where the volume lies.

import { execFileSync } from 'node:child_process';
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defer, type Scope, temporaryFolder } from '../support.ts';
import { mib } from './package-disks.ts';

const run = (program: string, args: readonly string[], input?: string) =>
  execFileSync(program, args, { stdio: 'pipe', ...(input !== undefined && { input }) });

const partitionAt = 206_848 * 512;

/** Puts a file system on a logical volume that lies in two pieces, behind another one. */
export async function onLvm(t: Scope, system: string): Promise<string> {
  const disk = join(await temporaryFolder(t), 'lvm.raw');
  await writeFile(disk, '');
  await truncate(disk, 700 * mib);
  run('sfdisk', ['-q', disk], 'label: dos\n2048,204800,83\n206848,,8e\n');
  const loop = String(run('losetup', ['-f', '--show', '-o', String(partitionAt), disk])).trim();
  const done = () => run('losetup', ['-d', loop]);
  const group = `silversmith${process.pid}`;
  // Nothing is activated, so this needs no device mapper.
  const lvm = (program: string, ...args: string[]) =>
    run(program, ['--driverloaded', 'n', '-q', '-y', ...args]);
  const volume = (name: string, size: string) =>
    lvm('lvcreate', '-an', '-Zn', '-Wn', '-n', name, '-L', size, group);
  try {
    lvm('pvcreate', loop);
    lvm('vgcreate', group, loop);
    volume('swap', '40M');
    volume('root', '200M');
    volume('pad', '20M');
    lvm('lvextend', '-L', '320M', `${group}/root`);
  } finally {
    done();
  }
  const content = await readFile(system);
  const file = await open(disk, 'r+');
  defer(t, () => file.close());
  const extent = 4 * mib;
  const put = (from: number, to: number, place: number) =>
    file.write(content, from * extent, (to - from) * extent, partitionAt + mib + place * extent);
  await put(0, 50, 10);
  await put(50, 80, 65);
  return disk;
}

const stripeBytes = 64 * 1024;
/** Where the second partition of `onStripes` begins. */
export const secondAt = partitionAt + 250 * mib;

/** Puts a file system on a logical volume that is striped over two partitions of one disk. */
export async function onStripes(t: Scope, system: string): Promise<string> {
  const disk = join(await temporaryFolder(t), 'stripes.raw');
  await writeFile(disk, '');
  await truncate(disk, 700 * mib);
  const size = 250 * 2048;
  const table = `label: dos\n206848,${size},8e\n${206_848 + size},${size},8e\n`;
  run('sfdisk', ['-q', disk], table);
  const loops = [partitionAt, secondAt].map((at) =>
    String(
      run('losetup', [
        ...['-f', '--show', '-o', String(at), '--sizelimit', String(250 * mib)],
        disk,
      ]),
    ).trim(),
  );
  const group = `silversmiths${process.pid}`;
  const lvm = (program: string, ...args: string[]) =>
    run(program, ['--driverloaded', 'n', '-q', '-y', ...args]);
  try {
    lvm('pvcreate', ...loops);
    lvm('vgcreate', group, ...loops);
    const striped = ['-i', '2', '-I', '64k', '-L', '320M'];
    lvm('lvcreate', '-an', '-Zn', '-Wn', '-n', 'root', ...striped, group);
  } finally {
    for (const loop of loops) run('losetup', ['-d', loop]);
  }
  const content = await readFile(system);
  const file = await open(disk, 'r+');
  defer(t, () => file.close());
  for (let piece = 0; piece * stripeBytes < content.length; piece++) {
    const from = piece * stripeBytes;
    const start = piece % 2 === 0 ? partitionAt : secondAt;
    const place = start + mib + Math.floor(piece / 2) * stripeBytes;
    await file.write(content, from, Math.min(stripeBytes, content.length - from), place);
  }
  return disk;
}
