// Where things are kept when nobody says where. Root's lie where Debian keeps those of services, a
// user's where the XDG base directory specification has them.

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Environment } from './environment.ts';

const isRoot = () => process.getuid?.() === 0;

/**
 * A folder from an XDG variable, which counts only when it is absolute, or from its default below
 * the home.
 */
function userFolder(env: Environment, variable: string, ...below: string[]): string {
  const given = env[variable];
  const parent =
    given !== undefined && isAbsolute(given) ? given : join(env.HOME ?? homedir(), ...below);
  return join(parent, 'silversmith');
}

export const rootDataDir = '/var/lib/silversmith';

/** For the help of a command. */
export const dataDirHelp =
  './data when it is there, else /var/lib/silversmith for root, ~/.local/share/silversmith for a user';

/**
 * The data directory: `./data` when there is a store in it, as earlier versions made it, else
 * root's or the user's own.
 */
export function defaultDataDir(env: Environment): string {
  const before = resolve('data');
  if (existsSync(join(before, 'silversmith.db'))) return before;
  return isRoot() ? rootDataDir : userFolder(env, 'XDG_DATA_HOME', '.local', 'share');
}

/**
 * Where what can be made again is looked for; it is made in the first. All users of a host find
 * what root has made.
 */
export function cacheDirs(env: Environment): string[] {
  const shared = '/var/cache/silversmith';
  return isRoot() ? [shared] : [userFolder(env, 'XDG_CACHE_HOME', '.cache'), shared];
}
