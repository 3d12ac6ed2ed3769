// Finds out what this host offers: the programs, hardware virtualisation, bubblewrap to confine
// guests with, and users for them when the server is root.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chmod, chown, mkdir, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { AppError } from '../../domain/error.ts';
import { runCommand } from '../../lib/spawn.ts';
import type { Boards } from '../optional/boot-check.ts';
import { boardsIn } from './boards.ts';
import { type Confinement, caged, cageRefused, type QemuUser } from './confine.ts';
import { hasIpv6, proxyVariables } from './uplink.ts';

export { confinements, type QemuUser } from './confine.ts';

/** How an operator wants guests confined. */
export interface Confining {
  confinement: Confinement;
  /** User ids that nothing else on the host uses; needed when the server is root. */
  uids: { first: number; last: number };
}

/** Between those of containers and the last that every system call takes. */
export const defaultConfining: Confining = {
  confinement: 'bubblewrap',
  uids: { first: 2_000_000_000, last: 2_000_065_535 },
};
/**
 * The first of the numbers is for the tools, the next ones are for builds, and the rest are for
 * machines, by their ids.
 */
const buildUids = 999;

export interface Host {
  /** Of QEMU, with that of its package. */
  version: string;
  accel: 'kvm' | 'tcg';
  /** That guests see, with its flags and microcode: QEMU's own under emulation. */
  processor: string;
  /** Of the QEMU that is installed now. */
  boards: Boards;
  /** The proxy variables of build machines that may use the network. */
  proxy: Record<string, string>;
  ipv6: boolean;
  /** The user that the tools run as. */
  user: QemuUser;
  /** The users of machines; null when the server is not root. */
  machineUids: { first: number; last: number } | null;
  /**
   * The user that a guest runs as. No other guest has this user, unless there are more guests of
   * its kind than users.
   */
  guestUser(kind: 'machine' | 'build', id: string | number): QemuUser;
}

interface Wanted {
  root: string;
  path: string;
  confining: Confining;
  environment?: Readonly<Record<string, string>>;
}

const plainPrograms = ['xorrisofs', 'prlimit', 'setpriv'];
const cagedPrograms = ['qemu-system-x86_64', 'qemu-img'];
const toolMs = 10_000;

const unavailable = (message: string, detail?: string) =>
  new AppError('unavailable', message, detail === undefined ? {} : { detail });

/**
 * Throws `unavailable` with the command that installs a missing program, or lets guests be
 * confined.
 */
export async function probeHost({
  root,
  path,
  confining,
  environment = {},
}: Wanted): Promise<Host> {
  if (process.platform !== 'linux') {
    throw unavailable(
      'The qemu engine runs on Linux only; try the simulator, in a data directory of its own: silversmith serve --engine simulator --data-dir NEW',
    );
  }
  const { confinement, uids } = confining;
  const asRoot = process.getuid?.() === 0;
  const as = (uid: number): QemuUser => ({
    ids: asRoot ? { uid, gid: uid } : null,
    confinement,
    path,
    root,
  });
  const user = as(uids.first);
  const missing =
    (program: string) =>
    (error: unknown): never => {
      const refused = cageRefused(String(error));
      if (refused) throw refused;
      throw unavailable(
        `${program} is not there. Install it (Debian: sudo apt-get install qemu-system-x86 qemu-utils xorriso util-linux), or try the simulator, in a data directory of its own: silversmith serve --engine simulator --data-dir NEW`,
        String(error),
      );
    };
  const cage = { user, cwd: root, readable: [], writable: [], mortal: true };
  const said = (program: string, ...asked: string[]) =>
    caged(cage, program, asked)
      .then(({ file, args, options }) => runCommand(file, args, { ...options, timeoutMs: toolMs }))
      .catch(missing(program));
  let version = '';
  for (const program of cagedPrograms) {
    const text = await said(program, '--version');
    version ||= /version (.{1,100})/.exec(text)?.[1] ?? '';
  }
  const help = await said('qemu-system-x86_64', '-machine', 'help');
  const boards = boardsIn(help);
  if (boards === undefined)
    throw unavailable('QEMU on this host names no boards of the kind q35.', help.slice(-2000));
  for (const program of plainPrograms)
    await runCommand(program, ['--version'], { env: { PATH: path }, timeoutMs: toolMs }).catch(
      missing(program),
    );
  const accel = (await kvmWorks()) ? 'kvm' : 'tcg';
  const machineUids = Math.max(1, uids.last - uids.first - buildUids);
  return {
    version,
    accel,
    processor: accel === 'tcg' ? 'max' : processorIn(await readFile('/proc/cpuinfo', 'utf8')),
    boards,
    proxy: proxyVariables(environment),
    ipv6: hasIpv6(networkInterfaces()),
    user,
    machineUids: asRoot ? { first: uids.first + 1 + buildUids, last: uids.last } : null,
    guestUser: (kind, id) =>
      as(
        kind === 'build'
          ? uids.first +
              1 +
              (createHash('sha256').update(String(id)).digest().readUInt32BE() % buildUids)
          : uids.first + 1 + buildUids + (Number(id) % machineUids),
      ),
  };
}

/** A digest of all that a guest may see of the first processor. */
function processorIn(said: string): string {
  const [first = ''] = said.split('\n\n');
  const lines = first
    .split('\n')
    .filter((line) => /^(vendor_id|cpu family|model|stepping|microcode|flags)\b/.test(line));
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 12);
}

/**
 * Asks the processor's flags too, because /dev/kvm can be there without working, and a guest would
 * then hang at its first instruction.
 */
async function kvmWorks(): Promise<boolean> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
    return /^flags\s*:.*\b(vmx|svm)\b/m.test(await readFile('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}

/**
 * Makes the engine's folders so that QEMU's user can pass through them. Whether it can pass through
 * those above them does not matter.
 */
export async function prepareFolders(root: string, folders: readonly string[]): Promise<void> {
  for (const folder of [root, ...folders]) {
    await mkdir(folder, { recursive: true, mode: 0o711 });
    await chmod(folder, 0o711);
  }
}

/**
 * Hands a file or folder to the user of a guest or of the tools. Does nothing when they run as the
 * server's own user.
 */
export async function giveTo({ ids }: QemuUser, path: string): Promise<void> {
  if (ids) await chown(path, ids.uid, ids.gid);
}
