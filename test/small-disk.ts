// A small file system in memory, for tests that fill a disk.

import { execFileSync } from 'node:child_process';
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { defer, type Scope, temporaryFolder } from './support.ts';

/** Mounts a tmpfs until the test ends, and returns its folder. Needs root. */
export async function smallDisk(t: Scope, sizeMb: number): Promise<string> {
  const folder = await temporaryFolder(t);
  const mounted = join(folder, 'mounted');
  await mkdir(mounted);
  try {
    execFileSync(
      'mount',
      ['-t', 'tmpfs', '-o', `size=${sizeMb * 1024}k,mode=0711`, 'tmpfs', mounted],
      {
        stdio: 'pipe',
      },
    );
  } catch (error) {
    throw new Error(
      `This test mounts a small tmpfs and needs root: run npm test as root. ${String(error)}`,
    );
  }
  defer(t, () => execFileSync('umount', ['-l', mounted]));
  return mounted;
}

/** Fills a disk with one file until `leaveBytes` are free. Returns the path of the file. */
export async function fill(folder: string, leaveBytes: number): Promise<string> {
  const ballast = join(folder, 'ballast');
  const { bavail, bsize } = await statfs(folder);
  execFileSync('fallocate', ['-l', String(bavail * bsize - leaveBytes), ballast]);
  return ballast;
}
