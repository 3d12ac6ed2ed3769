// What this host offers: the programs, hardware virtualisation, and an unprivileged user for QEMU when the server is root.

import { constants } from 'node:fs';
import { access, chmod, chown, mkdir, readFile, stat } from 'node:fs/promises';
import { AppError } from '../../domain/error.ts';
import { runCommand } from '../../lib/spawn.ts';

export interface QemuUser {
  uid: number;
  gid: number;
}

export interface Host {
  accel: 'kvm' | 'tcg';
  /** Undefined when the server is not root: QEMU then runs as the server's own user. */
  user: QemuUser | undefined;
}

const programs = ['qemu-system-x86_64', 'qemu-img', 'xorrisofs', 'prlimit', 'setpriv'];
const userNames = ['silversmith-qemu', 'nobody'];

const unavailable = (message: string, detail?: string) =>
  new AppError('unavailable', message, detail === undefined ? {} : { detail });

/** Throws `unavailable` with the command that installs what is missing. */
export async function probeHost(): Promise<Host> {
  if (process.platform !== 'linux') {
    throw unavailable(
      'The qemu engine runs on Linux only; try the simulator, in a data directory of its own: silversmith serve --engine simulator --data-dir NEW',
    );
  }
  for (const program of programs) {
    await runCommand(program, ['--version'], { timeoutMs: 10_000 }).catch((error) => {
      throw unavailable(
        `${program} is not there. Install it (Debian: sudo apt-get install qemu-system-x86 qemu-utils xorriso util-linux), or try the simulator, in a data directory of its own: silversmith serve --engine simulator --data-dir NEW`,
        String(error),
      );
    });
  }
  const accel = (await kvmWorks()) ? 'kvm' : 'tcg';
  return { accel, user: process.getuid?.() === 0 ? await findUser(accel) : undefined };
}

/** /dev/kvm can be there without working; a guest would then hang at its first instruction. The processor's flags tell. */
async function kvmWorks(): Promise<boolean> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
    return /^flags\s*:.*\b(vmx|svm)\b/m.test(await readFile('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}

async function findUser(accel: 'kvm' | 'tcg'): Promise<QemuUser> {
  const passwd = await readFile('/etc/passwd', 'utf8');
  for (const name of userNames) {
    const match = new RegExp(`^${name}:[^:]*:([0-9]+):([0-9]+):`, 'm').exec(passwd);
    if (!match) continue;
    // The group that may open /dev/kvm, where it is used; a process started with a uid and gid has no other groups.
    const gid = accel === 'kvm' ? (await stat('/dev/kvm')).gid : Number(match[2]);
    return { uid: Number(match[1]), gid };
  }
  throw unavailable(
    'The server is root and there is no user nobody or silversmith-qemu to run QEMU as; add one: useradd --system silversmith-qemu',
  );
}

/** Makes the engine's folders, which QEMU's user may pass. Whether it may pass those above them does not matter. */
export async function prepareFolders(root: string, folders: readonly string[]): Promise<void> {
  for (const folder of [root, ...folders]) {
    await mkdir(folder, { recursive: true, mode: 0o711 });
    await chmod(folder, 0o711);
  }
}

/** Hands a file or folder to QEMU's user; nothing to do when QEMU runs as the server's own. */
export async function giveTo(user: QemuUser | undefined, path: string): Promise<void> {
  if (user) await chown(path, user.uid, user.gid);
}
