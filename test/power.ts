// A file system (ext4 in a file, on a loop device) whose power can be cut: everything that was not
// synced to it is lost.

import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { defer, type Scope, temporaryFolder, waitFor } from './support.ts';

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' });

/** Where on its disk a file ends, in KiB from the start of the disk. */
function endOnDiskKib(path: string): number {
  const extents = run('filefrag', '-v', '-b1024', path).toString();
  const lasts = [...extents.matchAll(/^\s*\d+:\s+\d+\.\.\s*\d+:\s+\d+\.\.\s*(\d+):/gm)];
  return Math.max(...lasts.map((match) => Number(match[1]))) + 1;
}

/** Mounts such a file system until the test ends. Needs root and loop devices. */
export async function cuttableDisk(t: Scope, sizeMb: number) {
  const parent = await temporaryFolder(t);
  const [file, folder] = [join(parent, 'disk'), join(parent, 'mounted')];
  await mkdir(folder);
  // The kernel writes nothing back by itself for five minutes, so that only synced data survives.
  const mount = () => run('mount', '-o', 'loop,commit=300', file, folder);
  try {
    // Linux 6.18 may tell a loop device that the disk is full where its file has a hole.
    run('fallocate', '--length', `${sizeMb}M`, file);
    run('mkfs.ext4', '-q', file);
    mount();
  } catch (error) {
    throw new Error(
      `This test mounts a file: run npm test as root on a host with loop devices (modprobe loop). ${String(error)}`,
    );
  }
  run('chmod', '711', folder);
  defer(t, () => run('umount', '-l', folder));
  /** Makes every later write fail with EIO, so that nothing reaches the disk. Needs xfs_io. */
  const fail = () => run('xfs_io', '-x', '-c', 'shutdown', folder);
  /**
   * Cuts the disk off, `lostKib` KiB before the end of a file. Reading those KiB fails with EIO,
   * until a write extends the disk again. Needs filefrag.
   */
  const spoil = (path: string, lostKib: number) => {
    run('sync', '-f', folder);
    run('truncate', '--size', `${endOnDiskKib(path) - lostKib}K`, file);
    // Drop the pages of the file that the kernel has cached.
    run('dd', `of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0');
  };
  /** Mounts the disk again with the synced data. No process may have a file open on it. */
  const mend = async () => {
    // A killed process closes its files a moment after it is gone, so the first umount may fail. A
    // process with a mount namespace of its own keeps the old mount for a moment; then the new
    // mount is of the same file system, still without power, and touch fails.
    await waitFor('the disk is back', () => {
      try {
        run('umount', folder);
      } catch (error) {
        if (/busy/.test(String(error))) return false;
        throw error;
      }
      mount();
      try {
        run('touch', folder);
        return true;
      } catch {
        return false;
      }
    });
  };
  return {
    folder,
    fail,
    spoil,
    mend,
    /** Cuts the power, and mounts the disk again. */
    async cut() {
      fail();
      await mend();
    },
  };
}
