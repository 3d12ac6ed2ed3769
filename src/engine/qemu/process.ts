// QEMU processes: named after this installation and what they run, so that they are found again after the server was restarted,
// and never confused with another process that got the same number.

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { DiskId } from '../../domain/ids.ts';

/** What tells the processes of one engine's folder, whose real path is given, from those of another. */
export const installationOf = (root: string) => createHash('sha256').update(root).digest('hex').slice(0, 12);

/** The name by which a process is found: `silversmith-INSTALLATION-KIND-ID`. */
export const processName = (installation: string, kind: 'machine' | 'build', id: string | number) =>
  `silversmith-${installation}-${kind}-${id}`;

export interface Found {
  pid: number;
  name: string;
  commandLine: string[];
}

/** All processes of this installation, by the name that QEMU was given. Linux only: it reads /proc. */
export async function findProcesses(installation: string): Promise<Found[]> {
  const prefix = `guest=silversmith-${installation}-`;
  const found: Found[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue;
    const commandLine = await readCommandLine(Number(entry));
    const name = commandLine.find((arg) => arg.startsWith(prefix));
    // A process that has just been forked shows its parent's command line, and a dead one none.
    if (name && commandLine[0]?.includes('qemu-system'))
      found.push({ pid: Number(entry), name: name.slice('guest='.length), commandLine });
  }
  return found;
}

async function readCommandLine(pid: number): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  } catch {
    return [];
  }
}

export async function findProcess(installation: string, name: string): Promise<Found | undefined> {
  return (await findProcesses(installation)).find((found) => found.name === name);
}

async function isAlive({ pid, name }: Found): Promise<boolean> {
  return (await readCommandLine(pid)).includes(`guest=${name}`);
}

/** Whether a machine's process runs on the disk, however the path to it was written when it was started. */
export const hasDisk = ({ commandLine }: Found, diskId: DiskId): boolean =>
  commandLine.some((arg) => arg.startsWith('file=') && arg.includes(`/disks/${diskId}.qcow2,`));

const pollMs = 50;

/** Waits for a process to be gone; false at the limit. */
export async function waitGone(found: Found, limitMs: number): Promise<boolean> {
  const end = Date.now() + limitMs;
  while (await isAlive(found)) {
    if (Date.now() >= end) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return true;
}

/** Ends a process: QEMU writes back what it holds on SIGTERM; what does not end by that is killed. */
export async function endProcess(found: Found): Promise<void> {
  for (const [signal, limitMs] of [
    ['SIGTERM', 5000],
    ['SIGKILL', 10_000],
  ] as const) {
    if (!(await isAlive(found))) return;
    try {
      process.kill(found.pid, signal);
    } catch {
      // It ended in between.
    }
    if (await waitGone(found, limitMs)) return;
  }
  throw new Error(`process ${found.pid} cannot be ended`);
}
