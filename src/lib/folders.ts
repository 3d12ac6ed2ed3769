// Default folders for data and caches. Root's are those that Debian uses for services, a user's
// those of the XDG base directory specification.

import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Environment } from './environment.ts';

const isRoot = () => process.getuid?.() === 0;

/**
 * The home. An empty HOME would lead to the folder of the caller, where others may have put files,
 * so that of the system counts then.
 */
function homeOf(env: Environment): string {
  const given = env.HOME ?? homedir();
  return isAbsolute(given) ? given : userInfo().homedir;
}

/**
 * Returns our folder below the folder that an XDG variable names, or below its default in the home.
 * The specification says that the variable counts only when it is absolute.
 */
function userFolder(env: Environment, variable: string, ...below: string[]): string {
  const given = env[variable] ?? '';
  const parent = isAbsolute(given) ? given : join(homeOf(env), ...below);
  return join(parent, 'silversmith');
}

/** The file of a user's profiles, also of root's. */
export const profilesFile = (env: Environment): string =>
  join(userFolder(env, 'XDG_CONFIG_HOME', '.config'), 'profiles.json');

export const rootDataDir = '/var/lib/silversmith';

/** Describes the default data directory, for the help of a command. */
export const dataDirHelp =
  './data when a store is in it, else /var/lib/silversmith for root, ' +
  '$XDG_DATA_HOME/silversmith (~/.local/share/silversmith) for a user';

/**
 * The default data directory: `./data` when a store is in it, since earlier versions made it there;
 * otherwise root's or the user's own.
 */
export function defaultDataDir(env: Environment): string {
  const before = resolve('data');
  if (existsSync(join(before, 'silversmith.db'))) return before;
  return isRoot() ? rootDataDir : userFolder(env, 'XDG_DATA_HOME', '.local', 'share');
}

/**
 * The folders in which things that can be made again are looked for. They are made in the first
 * one. The last is root's, so that all users of a host find what root has made.
 */
export function cacheDirs(env: Environment): string[] {
  const shared = '/var/cache/silversmith';
  return isRoot() ? [shared] : [userFolder(env, 'XDG_CACHE_HOME', '.cache'), shared];
}
