// The demo bases: a small Debian 12 made from Debian's packages, once per version of its recipe,
// and kept in a cache. One is a disk for machines of QEMU, the other a root file system for
// containers.

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BootProfile } from '../domain/boot.ts';
import { AppError } from '../domain/error.ts';
import { exists } from '../lib/files.ts';
import { killGroup } from '../lib/spawn.ts';

const assetsOf = (name: string) => new URL(`../../assets/${name}/`, import.meta.url).pathname;

interface DemoBase {
  disk: string;
  kernel: string;
  initrd: string;
  boot: BootProfile;
}

const boot: BootProfile = {
  mode: 'direct',
  // The last console is /dev/console; the screen shows a login, and the kernel's own lines.
  // Under emulation on a busy host the kernel's test of its timer may fail, and it panics.
  append: 'console=tty0 console=ttyS0 root=/dev/vda rw quiet no_timer_check',
  buildAppend: 'silversmith.build',
};

interface MakeOptions {
  /** The whole environment of the tools that make it. */
  env: Record<string, string>;
  /** Gets each line of their progress. */
  say: (line: string) => void;
  signal: AbortSignal;
}

/** How long the tools may clean up when they are told to end. */
const graceMs = 5000;

/**
 * Finds the demo base in one of the folders, or makes it in the first. Throws `unavailable` with a
 * remedy, or the reason of the signal; a failure leaves no part of a base.
 */
export async function ensureDemoBase(
  cacheDirs: readonly string[],
  options: MakeOptions,
): Promise<DemoBase> {
  const folder = await ensureMade('demo-base', cacheDirs, options);
  return {
    disk: join(folder, 'disk.qcow2'),
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd'),
    boot,
  };
}

/** The same for the root file system of containers, in one file. */
export const ensureDemoContainer = async (
  cacheDirs: readonly string[],
  options: MakeOptions,
): Promise<string> => join(await ensureMade('demo-container', cacheDirs, options), 'root.tar.gz');

/** The folder with what the assets of a name make. */
async function ensureMade(
  kind: string,
  cacheDirs: readonly string[],
  options: MakeOptions,
): Promise<string> {
  const assets = assetsOf(kind);
  const name = `${kind}-${await digestOf(assets)}`;
  return (
    (await findIn(cacheDirs, name)) ?? (await make(assets, cacheDirs[0] ?? '.', name, options))
  );
}

async function findIn(cacheDirs: readonly string[], name: string): Promise<string | undefined> {
  for (const dir of cacheDirs) {
    // A folder that this user may not read counts as none.
    if (await exists(join(dir, name)).catch(() => false)) return join(dir, name);
  }
  return undefined;
}

async function digestOf(assets: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(assets)).sort())
    hash.update(`${name}\0`).update(await readFile(join(assets, name)));
  return hash.digest('hex').slice(0, 12);
}

async function make(
  assets: string,
  cacheDir: string,
  name: string,
  options: MakeOptions,
): Promise<string> {
  const folder = join(cacheDir, name);
  const part = join(cacheDir, `part-${randomBytes(6).toString('hex')}`);
  await mkdir(part, { recursive: true });
  // Every user may read the base that root makes, whatever the umask says: nothing in it is secret.
  if (process.getuid?.() === 0) for (const path of [cacheDir, part]) await chmod(path, 0o755);
  try {
    await run(join(assets, 'make'), [part], options);
    // Two processes may have made it at once; the first to arrive stays.
    await rename(part, folder).catch(async (error) => {
      if (!(await exists(folder))) throw error;
    });
    return folder;
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

function run(file: string, args: string[], { env, say, signal }: MakeOptions): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let killing: NodeJS.Timeout | undefined;
    const end = () => {
      killGroup(child, 'SIGTERM');
      killing = setTimeout(() => killGroup(child), graceMs);
    };
    signal.addEventListener('abort', end, { once: true });
    const errors: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => say(chunk.toString().trimEnd()));
    child.stderr.on('data', (chunk: Buffer) => {
      errors.push(chunk.toString());
      if (errors.length > 50) errors.shift();
    });
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(killing);
      signal.removeEventListener('abort', end);
      if (signal.aborted) return reject(signal.reason);
      if (code === 0) return resolve();
      const said = errors.join('').trim().slice(-1500);
      reject(
        new AppError(
          'unavailable',
          `The demo base could not be made; see what its tools said, mend it and start again:\n${said}`,
        ),
      );
    });
  });
}
