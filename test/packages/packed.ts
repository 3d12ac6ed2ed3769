// Tarballs as `npm pack` makes them, and the folders of people who install them. Nothing is fetched:
// npm is given an address at which no registry is.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;
export const tsc = join(root, 'node_modules/typescript/bin/tsc');
export const typesFolder = join(root, 'node_modules/@types');
const limitMs = 240_000;

const environment = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  npm_config_registry: 'http://127.0.0.1:9',
  npm_config_fund: 'false',
  npm_config_audit: 'false',
  npm_config_update_notifier: 'false',
};

/** Runs npm in a folder; throws with what it said. */
export function npm(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd,
    encoding: 'utf8',
    timeout: limitMs,
    env: environment,
  });
  if (status !== 0) throw new Error(`npm ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

interface Packed {
  /** The tarball. */
  file: string;
  bytes: number;
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
    files: { path: string }[];
  }[];
  if (!packed) throw new Error(`npm pack said: ${said}`);
  return {
    file: join(to, packed.filename),
    bytes: packed.size,
    names: packed.files.map(({ path }) => path),
  };
}

/** Runs a program to its end with the Node of the tests. Throws with what it said. */
export const run = (cwd: string, args: string[], env: Record<string, string> = {}): string =>
  execFileSync(process.execPath, args, {
    cwd,
    encoding: 'utf8',
    timeout: limitMs,
    env: { PATH: environment.PATH, ...env },
  });
