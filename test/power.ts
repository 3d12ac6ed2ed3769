// A file system of its own, in a file, whose power can be cut: what was not synced to it by then is
// gone.

import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { defer, type Scope, temporaryFolder, waitFor } from './support.ts';

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' });

export async function cuttableDisk(t: Scope, sizeMb: number) {
  const parent = await temporaryFolder(t);
  const [file, folder] = [join(parent, 'disk'), join(parent, 'mounted')];
  await mkdir(folder);
  // Nothing is written back by itself for five minutes: only what somebody synced survives.
  const mount = () => run('mount', '-o', 'loop,commit=300', file, folder);
  try {
    run('truncate', '--size', `${sizeMb}M`, file);
    run('mkfs.ext4', '-q', file);
    mount();
  } catch (error) {
    throw new Error(
      `This test mounts a file: run npm test as root on a host with loop devices (modprobe loop). ${String(error)}`,
    );
  }
  run('chmod', '711', folder);
  defer(t, () => run('umount', '-l', folder));
  /** From here on nothing more reaches the disk, and whoever writes is told EIO. Needs xfs_io. */
  const fail = () => run('xfs_io', '-x', '-c', 'shutdown', folder);
  /**
   * Takes the end of the disk away, from so many KiB before the end of a file on: whoever reads
   * those is told EIO, until somebody writes behind them. Needs filefrag.
   */
  const spoil = (path: string, lostKib: number) => {
    run('sync', '-f', folder);
    const extents = run('filefrag', '-v', '-b1024', path).toString();
    const ends = [...extents.matchAll(/^\s*\d+:\s+\d+\.\.\s*\d+:\s+\d+\.\.\s*(\d+):/gm)].map(
      (match) => Number(match[1]),
    );
    run('truncate', '--size', `${Math.max(...ends) + 1 - lostKib}K`, file);
    // What was read before is remembered no more.
    run('dd', `of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0');
  };
  /** Brings it back with what had reached it. Whoever has a file open on it has to be gone. */
  const mend = async () => {
    // A process that was killed lets go of its files a moment after it is gone, and one that makes
    // a mount namespace of its own keeps the old mount for a moment: then what is mounted anew is
    // still without power.
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
    /** The power goes and comes back. */
    async cut() {
      fail();
      await mend();
    },
  };
}
