// The time that processors have worked for a benchmark and for all that it has started. A control
// group counts it, because a cage's first process does not wait for the others, so that the kernel
// does not add their time to that of the process that started them.

import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Meter {
  /**
   * The time since the group was made, of this process and all that it has started since, in ms.
   */
  workedMs(): Promise<number>;
  close(): Promise<void>;
}

/** Moves this process into a group of its own. Null where it may not, or there are no groups. */
export async function openMeter(): Promise<Meter | null> {
  const [, root] = /^\S+ (\S+) cgroup2 /m.exec(await readFile('/proc/mounts', 'utf8')) ?? [];
  if (root === undefined || process.getuid?.() !== 0) return null;
  const [, before = '/'] = /^0::(.*)$/m.exec(await readFile('/proc/self/cgroup', 'utf8')) ?? [];
  const group = join(root, `silversmith-bench-${process.pid}`);
  const move = (folder: string) => writeFile(join(folder, 'cgroup.procs'), String(process.pid));
  await mkdir(group);
  await move(group);
  return {
    async workedMs() {
      const stat = await readFile(join(group, 'cpu.stat'), 'utf8');
      return Number(/^usage_usec (\d+)$/m.exec(stat)?.[1]) / 1000;
    },
    async close() {
      await move(join(root, before));
      // A child that ends at this moment is in it still; an empty group costs nothing.
      await rmdir(group).catch(() => {});
    },
  };
}

const ticksPerSecond = 100;

/** The processor time that a process has used, in µs; Linux counts it in hundredths of a second. */
export async function workedUs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14);
  return ((Number(user) + Number(system)) * 1e6) / ticksPerSecond;
}

/** The time that all processors of the host together had nothing to do, or waited for a disk. */
export async function idleMs(): Promise<number> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const [, , , , idle, waiting] = line.split(/\s+/);
  return ((Number(idle) + Number(waiting)) * 1000) / ticksPerSecond;
}
