// Runs QEMU and its tools, each in its own cage, which bubblewrap makes. A process in a cage sees
// the system's programs, its own files and no other process. It has no capability, no variable of
// the server's environment, and its own user where the server is root. A guest that has taken over
// its QEMU reaches only the things that are listed here.

import { constants, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { AppError } from '../../domain/error.ts';
import { openTap, type Tap } from './tap.ts';

export const confinements = ['bubblewrap', 'none'] as const;
export type Confinement = (typeof confinements)[number];

/** The user that processes run as, and the other settings that they share. */
export interface QemuUser {
  /** Null when the server is not root: its own user's. */
  ids: { uid: number; gid: number } | null;
  confinement: Confinement;
  /** Folders in which programs are looked for, divided by colons. */
  path: string;
  /** The engine's folder. */
  root: string;
}

export interface Cage {
  user: QemuUser;
  /** A folder below the engine's. */
  cwd: string;
  /** The paths of the engine's folder that the process can see, each at its own place. */
  readable: readonly string[];
  /** The paths that it may also write to, as far as owner and mode allow. */
  writable: readonly string[];
  /**
   * A folder that it sees in the place of the folder of builds. It may write to files there that
   * are given to its user.
   */
  builds?: string;
  /** Files and folders of this program, each at its own place. */
  programs?: readonly string[];
  /** The host's network, instead of none. */
  network?: boolean;
  /** The tap device that it gets as a descriptor. */
  tap?: Tap | null;
  kvm?: boolean;
  /** Whether it sees /proc, with its own processes alone. */
  processes?: boolean;
  /** The options of prlimit. */
  limits?: readonly string[];
  /** Whether it is killed when the process that started it dies. */
  mortal: boolean;
}

export interface Caged {
  file: string;
  args: string[];
  options: { cwd: string; env: Record<string, string>; uid?: number; gid?: number };
}

/** The engine's folder, as it is named in a cage. */
const inside = '/engine';
const systemFolders = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32'];

/** The path of a program. Throws an Error when there is none. */
export async function locate(program: string, path: string): Promise<string> {
  for (const folder of path.split(':').filter((one) => one.startsWith('/'))) {
    const file = join(folder, program);
    if (
      await access(file, constants.X_OK).then(
        () => statSync(file).isFile(),
        () => false,
      )
    )
      return file;
  }
  throw new Error(`${program} is in none of ${path}`);
}

/**
 * The command line that runs a program in a cage. To end the program, end the whole process group
 * (`killGroup`): bubblewrap is the first process of it, and while it makes the cage its end does
 * not end the program. Throws an Error when a program that it needs is not there.
 */
export async function caged(cage: Cage, program: string, args: readonly string[]): Promise<Caged> {
  const command = await cagedAlone(cage, program, args);
  if (!cage.tap) return command;
  const opened = openTap(cage.tap, command.file, command.args);
  return { ...command, file: await locate('perl', cage.user.path), args: opened };
}

async function cagedAlone(cage: Cage, program: string, args: readonly string[]): Promise<Caged> {
  const { user, cwd, limits, mortal } = cage;
  const { ids, path, confinement } = user;
  const file = await locate(program, path);
  const limited = limits ? [await locate('prlimit', path), ...limits, '--', file] : [file];
  if (confinement === 'none') {
    const lives = mortal ? [await locate('setpriv', path), '--pdeathsig', 'KILL', '--'] : [];
    const [first = file, ...rest] = [...lives, ...limited, ...args];
    return { file: first, args: rest, options: { cwd, env: { PATH: path }, ...ids } };
  }
  const drop = ids === null ? [] : [await locate('setpriv', path), ...asUser(ids, cage), '--'];
  return {
    file: await locate('bwrap', path),
    args: [
      ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', '--clearenv'],
      ...(ids === null ? ['--unshare-user'] : []),
      ...(cage.network ? [] : ['--unshare-net']),
      // The first process of a machine is QEMU itself. For a program that must end with its parent,
      // bubblewrap is the first process and ends it.
      ...(mortal ? ['--die-with-parent'] : ['--as-pid-1']),
      ...systemOf(cage),
      ...(realpathSync(dirname(file)).startsWith('/usr/') ? [] : shown(dirname(file))),
      ...(cage.programs ?? []).flatMap(shown),
      ...filesOf(cage),
      ...['--remount-ro', '/', '--chdir', place(user, cwd), '--', ...drop, ...limited, ...args],
    ],
    options: { cwd: '/', env: {} },
  };
}

const asUser = ({ uid, gid }: { uid: number; gid: number }, { kvm }: Cage): string[] => [
  ...['--reuid', String(uid), '--regid', String(gid)],
  // The group that may open /dev/kvm.
  ...(kvm ? ['--groups', String(statSync('/dev/kvm').gid)] : ['--clear-groups']),
  ...['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'],
];

/** The system's programs and libraries, as the host has them. */
function systemOf({ user, kvm, network, processes }: Cage): string[] {
  const args = ['--ro-bind', '/usr', '/usr', '--dev', '/dev'];
  for (const name of systemFolders) {
    const found = lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (found?.isSymbolicLink()) args.push('--symlink', readlinkSync(`/${name}`), `/${name}`);
    else if (found) args.push('--ro-bind', `/${name}`, `/${name}`);
  }
  // The last one is for guests whose clock has local time.
  for (const file of ['/etc/ld.so.cache', '/etc/alternatives', '/etc/localtime'])
    args.push(...shown(file));
  if (network) args.push(...shown('/etc/resolv.conf'));
  if (processes) args.push('--proc', '/proc');
  if (kvm) args.push('--dev-bind', '/dev/kvm', '/dev/kvm');
  // The data directory may lie below a folder that every cage has, so hide it first.
  if (user.root.startsWith('/usr/')) args.push('--tmpfs', user.root);
  return args;
}

/** A file or folder of the host, in its own place, when it is there. */
const shown = (path: string): string[] => {
  const real = statSync(path, { throwIfNoEntry: false }) && realpathSync(path);
  return real === undefined ? [] : [...makeAbove([path]), '--ro-bind', real, path];
};

/**
 * Makes the folders above paths, because folders that bubblewrap makes by itself are closed to
 * other users.
 */
function makeAbove(paths: readonly string[]): string[] {
  const above = new Set<string>();
  for (const path of paths)
    for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) above.add(folder);
  return [...above].sort().flatMap((folder) => ['--perms', '0755', '--dir', folder]);
}

const place = ({ root }: QemuUser, path: string): string => {
  const name = relative(root, path);
  if (name.startsWith('..')) throw new Error(`${path} is not in the engine's folder`);
  return join(inside, name);
};

function filesOf({ user, cwd, readable, writable, builds }: Cage): string[] {
  const binds = [
    ...[...new Set(readable)].map((path) => ['--ro-bind', path, place(user, path)]),
    ...[...new Set(writable)].map((path) => ['--bind', path, place(user, path)]),
    ...(builds === undefined ? [] : [['--bind', builds, `${inside}/builds`]]),
  ];
  const places = [...binds.map((bind) => bind.at(-1) ?? inside), join(place(user, cwd), 'cwd')];
  return [...makeAbove(places), ...binds.flat()];
}

/**
 * Returns an error with a remedy when bubblewrap could not make a cage, from its output. Null when
 * the program failed for another reason.
 */
export function cageRefused(said: string): AppError | null {
  const instead =
    'or, less safe, let guests run unconfined: --confine none (SILVERSMITH_CONFINE; see docs/guide/jobs.md)';
  if (/\bbwrap is in none of\b/.test(said))
    return new AppError(
      'unavailable',
      `bubblewrap, which confines guests, is not there. Install it (Debian: sudo apt-get install bubblewrap), ${instead}.`,
      { detail: said },
    );
  const [, reason] = /\bbwrap: (.{1,200})/.exec(said) ?? [];
  if (reason === undefined) return null;
  return new AppError(
    'unavailable',
    `Guests cannot be confined here: bubblewrap says "${reason}". Let users make namespaces of their own (sysctl -w kernel.unprivileged_userns_clone=1), start the server as root, ${instead}.`,
    { detail: said },
  );
}
