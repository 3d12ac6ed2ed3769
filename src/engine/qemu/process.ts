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
const named =
  /^(?:guest=|level=1,prefix=)(silversmith-([0-9a-f]{12,64})-(machine|build)-([a-z0-9-]{1,64}))$/;
const nameIn = (commandLine: readonly string[]) =>
  commandLine.map((arg) => named.exec(arg)).find(Boolean) ?? [];

/** The engine whose processes are looked for. */
export interface Own {
  paths: Paths;
  installation: string;
  looks: Looks;
  /** The processes that were found one by one, by kind and id. */
  known: Map<string, Found>;
}

/** The processes of the engine in a folder, whose real path is given. */
export const processesIn = (root: string, installation = installationOf(root)): Own => ({
  paths: pathsIn(root),
  installation,
  looks: new Looks(),
  known: new Map(),
});

/** Of a guest's processes: QEMU, or its TPM. */
type Program = 'qemu' | 'tpm';

const programOf = ([first = '']: readonly string[]): Program | null =>
  first.includes('qemu-system') ? 'qemu' : /(^|\/)swtpm$/.test(first) ? 'tpm' : null;

/** A process that has a guest of some installation. */
interface Guest {
  program: Program;
  pid: number;
  name: string;
  kind: GuestKind;
  id: string;
  commandLine: string[];
}

export interface Found extends Guest {
  /** The folder of its sockets. */
  folder: string;
}

/**
 * Looks at /proc once for all who ask at the same time. Those who ask during a look share the next
 * one, so that each finds what there was when it asked.
 */
class Looks {
  #current: Promise<readonly { guest: Guest; of: string }[]> = Promise.resolve([]);
  #next: ReturnType<typeof look> | null = null;
  /** How often it has looked. */
  count = 0;

  look(): ReturnType<typeof look> {
    this.#next ??= this.#current
      .catch(() => {})
      .then(() => {
        this.#next = null;
        this.count++;
        this.#current = look();
        return this.#current;
      });
    return this.#next;
  }
}

/** All guests on this host, with their installations. Linux only: it reads /proc. */
async function look(): Promise<readonly { guest: Guest; of: string }[]> {
  const found: { guest: Guest; of: string }[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue;
    const commandLine = await readCommandLine(Number(entry));
    // A process that has just been forked shows its parent's command line, and a dead one none.
    const program = programOf(commandLine);
    if (program === null) continue;
    const [, name = '', of = '', kind, id = ''] = nameIn(commandLine);
    if (kind !== 'machine' && kind !== 'build') continue;
    found.push({ guest: { program, pid: Number(entry), name, kind, id, commandLine }, of });
  }
  return found;
}

/** All processes of QEMU of this installation, or those of TPMs. */
export async function findProcesses(
  own: Own,
  kind?: GuestKind,
  id?: string | number,
  program: Program = 'qemu',
): Promise<Found[]> {
  const found: Found[] = [];
  for (const { guest, of } of await own.looks.look()) {
    if (guest.program !== program || (kind ?? guest.kind) !== guest.kind) continue;
    if (id !== undefined && String(id) !== guest.id) continue;
    const folder = await folderOf(guest, of, own);
    if (folder !== null) found.push({ ...guest, folder });
  }
  return found;
}

/**
 * The folder of the engine that a process runs in, whatever the path of the folder was when the
 * process began; null when it runs in none.
 */
async function folderOf({ pid, kind, id }: Guest, of: string, { paths, installation }: Own) {
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

/** So many processes are known; beyond that, all are looked for again. */
const knownMax = 10_000;

/**
 * The process of a guest. One that was found before is looked at by its number alone, because a
 * look at all processes of the host costs much where they are many.
 */
export async function findProcess(
  own: Own,
  kind: GuestKind,
  id: string | number,
): Promise<Found | undefined> {
  const { known, installation } = own;
  const key = `${kind}-${id}`;
  const before = known.get(key);
  // The number may be another process's by now, also one of a copy of the directory.
  const folder =
    before && (await isAlive(before)) ? await folderOf(before, installation, own) : null;
  if (before && folder !== null) return { ...before, folder };
  const [found] = await findProcesses(own, kind, id);
  if (known.size >= knownMax) known.clear();
  if (found) known.set(key, found);
  else known.delete(key);
  return found;
}

/** The user that a process runs as. */
export async function ownerOf({ pid }: Found): Promise<{ uid: number; gid: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const of = (what: string) =>
    Number(new RegExp(`^${what}:\\s+\\d+\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return { uid: of('Uid'), gid: of('Gid') };
}

/** For how long the threads of a process have run, or waited for a processor, in ms. */
export async function wantedMs({ pid }: Found): Promise<number> {
  let ns = 0;
  for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    const said = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '');
    const [ran, waited] = said.split(' ');
    ns += Number(ran || 0) + Number(waited || 0);
  }
  return ns / 1e6;
}

async function isAlive({ pid, name }: Found): Promise<boolean> {
  return nameIn(await readCommandLine(pid))[1] === name;
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
