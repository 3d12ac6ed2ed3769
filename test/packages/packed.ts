// Tarballs as `npm pack` makes them, and the folders of people who install them. npm is given an
// address at which no registry is, unless a package has dependencies that are to be fetched.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;
export const tsc = join(root, 'node_modules/typescript/bin/tsc');
export const typesFolder = join(root, 'node_modules/@types');
const limitMs = 240_000;
const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
const quiet = { npm_config_fund: 'false', npm_config_audit: 'false', npm_config_loglevel: 'error' };
const offline = { npm_config_registry: 'http://127.0.0.1:9' };

interface Ended {
  status: number | null;
  out: string;
  err: string;
}

/** Runs a program to its end. */
export function end(
  cwd: string,
  [command = '', ...args]: readonly string[],
  env: Record<string, string | undefined> = {},
): Ended {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: limitMs,
    env: { PATH: path, ...env },
  });
  return { status, out: stdout, err: stderr };
}

/** The same; returns what it printed, and throws with that when it failed. */
export function output(...given: Parameters<typeof end>): string {
  const { status, out, err } = end(...given);
  if (status !== 0) throw new Error(`${given[1].join(' ')}: ${out}${err}`);
  return out;
}

/** Runs a program with the Node of the tests. */
export const run = (cwd: string, args: readonly string[], env: Record<string, string> = {}) =>
  output(cwd, [process.execPath, ...args], env);

export const npm = (cwd: string, ...args: string[]): string =>
  output(cwd, ['npm', ...args], { ...process.env, PATH: path, ...quiet, ...offline });

/** The same with the registry of this host. */
export const npmOnline = (cwd: string, ...args: string[]): string =>
  output(cwd, ['npm', ...args], { ...process.env, PATH: path, ...quiet });

interface Packed {
  /** The tarball. */
  file: string;
  bytes: number;
  unpackedBytes: number;
  names: string[];
}

/** Packs a package of this repository into a folder. */
export function pack(packageFolder: string, to: string): Packed {
  mkdirSync(to, { recursive: true });
  const said = npm(join(root, packageFolder), 'pack', '--json', '--pack-destination', to);
  // The scripts of the package may print before it, and newer versions of npm give an object.
  const [packed] = Object.values(JSON.parse(said.slice(said.search(/^[[{]/m)))) as {
    filename: string;
    size: number;
    unpackedSize: number;
    files: { path: string }[];
  }[];
  if (!packed) throw new Error(`npm pack said: ${said}`);
  return {
    file: join(to, packed.filename),
    bytes: packed.size,
    unpackedBytes: packed.unpackedSize,
    names: packed.files.map((one) => one.path),
  };
}
