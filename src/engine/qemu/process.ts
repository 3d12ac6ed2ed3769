// Finds QEMU processes by their command line and by the folder that they run in. So they are found
// again after the server was restarted or its data directory moved. They are never confused with a
// process that got the same number, or with the processes of a copy of the directory.

import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import type { DiskId, LayerId, MachineId } from '../../domain/ids.ts';
import { systemClock } from '../../lib/clock.ts';
import { statOrNull } from '../../lib/files.ts';
import { type GuestKind, type Paths, pathsIn } from './paths.ts';

/** Derives an id for an installation that has none. */
const installationOf = (root: string) =>
  createHash('sha256').update(root).digest('hex').slice(0, 12);

/** The name that a process is given: `silversmith-INSTALLATION-KIND-ID`. */
export const processName = (installation: string, kind: GuestKind, id: string | number) =>
  `silversmith-${installation}-${kind}-${id}`;
const named = /^guest=(silversmith-([0-9a-f]{12,64})-(machine|build)-([a-z0-9-]{1,64}))$/;

/** The engine whose processes are looked for. */
export interface Own {
  paths: Paths;
  installation: string;
}

/** The processes of the engine in a folder, whose real path is given. */
export const processesIn = (root: string, installation = installationOf(root)): Own => ({
  paths: pathsIn(root),
  installation,
});

export interface Found {
  pid: number;
  name: string;
  kind: GuestKind;
  id: string;
  commandLine: string[];
  /** The folder of its sockets. */
  folder: string;
}

/** All processes of this installation. Linux only: it reads /proc. */
export async function findProcesses(
  own: Own,
  kind?: GuestKind,
  id?: string | number,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue;
    const commandLine = await readCommandLine(Number(entry));
    // A process that has just been forked shows its parent's command line, and a dead one none.
    if (!commandLine[0]?.includes('qemu-system')) continue;
    const [, name = '', installation = '', itsKind, itsId = ''] =
      commandLine.map((arg) => named.exec(arg)).find(Boolean) ?? [];
    if ((itsKind !== 'machine' && itsKind !== 'build') || (kind ?? itsKind) !== itsKind) continue;
    if (id !== undefined && String(id) !== itsId) continue;
    const pid = Number(entry);
    const folder = await folderOf(pid, itsKind, itsId, installation, own);
    if (folder !== null) found.push({ pid, name, kind: itsKind, id: itsId, commandLine, folder });
  }
  return found;
}

/**
 * The folder of the engine that a process runs in, whatever the path of the folder was when the
 * process began; null when it runs in none.
 */
async function folderOf(
  pid: number,
  kind: GuestKind,
  id: string,
  of: string,
  { paths, installation }: Own,
) {
  const cwd = await stat(`/proc/${pid}/cwd`).catch(() => null);
  if (cwd === null) return null;
  const own = paths.run(kind, id);
  // An earlier version gave guests no folder of their own.
  const earlier =
    kind === 'machine' ? paths.machine(id as unknown as MachineId) : paths.build(id as LayerId);
  for (const folder of [own, earlier]) {
    const there = await statOrNull(folder);
    if (there?.ino === cwd.ino && there.dev === cwd.dev) return folder;
  }
  // The data directory was moved to another file system: it was copied and removed. The process
  // belongs to this installation still, so that it can be ended.
  return cwd.nlink === 0 && of === installation ? own : null;
}

async function readCommandLine(pid: number): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
  } catch {
    return [];
  }
}

export async function findProcess(
  own: Own,
  kind: GuestKind,
  id: string | number,
): Promise<Found | undefined> {
  return (await findProcesses(own, kind, id))[0];
}

/** The user that a process runs as. */
export async function ownerOf({ pid }: Found): Promise<{ uid: number; gid: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const of = (what: string) =>
    Number(new RegExp(`^${what}:\\s+\\d+\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return { uid: of('Uid'), gid: of('Gid') };
}

async function isAlive({ pid, name }: Found): Promise<boolean> {
  return (await readCommandLine(pid)).includes(`guest=${name}`);
}

/**
 * Whether a machine's process runs on the disk, whatever the path to the disk was when it was
 * started.
 */
export const hasDisk = ({ commandLine }: Found, diskId: DiskId): boolean =>
  commandLine.some((arg) => arg.startsWith('file=') && arg.includes(`/disks/${diskId}.qcow2,`));

const pollMs = 50;

/** Waits for a process to be gone; false at the limit. Throws the signal's reason. */
export async function waitGone(
  found: Found,
  limitMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const end = Date.now() + limitMs;
  while (await isAlive(found)) {
    if (Date.now() >= end) return false;
    await systemClock.sleep(pollMs, signal);
  }
  return true;
}

/**
 * Ends a process. On SIGTERM QEMU writes back what it holds in memory; a process that does not end
 * by that is killed.
 */
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
