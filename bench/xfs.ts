// An XFS in a file, on a loop device: a file system with reflinks, where only root may mount one.

import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const sizeGb = 24;
const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' });

/** The name of the file system that a folder is on. */
export const fileSystemOf = (folder: string): string =>
  run('findmnt', '-no', 'FSTYPE', '--target', folder).toString().trim();

/** Calls `work` with a folder on an XFS, which is gone afterwards. Its file lies in `parent`. */
export async function onXfs<Result>(
  parent: string,
  work: (folder: string) => Promise<Result>,
): Promise<Result> {
  const [file, folder] = [join(parent, 'xfs'), join(parent, 'mounted')];
  await mkdir(folder);
  run('truncate', '--size', `${sizeGb}G`, file);
  run('mkfs.xfs', '-q', file);
  run('mount', '-o', 'loop', file, folder);
  try {
    return await work(folder);
  } finally {
    run('umount', '-l', folder);
  }
}
