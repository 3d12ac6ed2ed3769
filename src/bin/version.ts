// The version of this program. A build has it in a file; a checkout asks git, but only when a
// person asks for the version, because that takes longer than most commands.

import { existsSync, readFileSync } from 'node:fs';

export interface Build {
  /** The tag of git, or the version of the package where no tag leads to the commit. */
  version: string;
  /** Null where neither git nor the build knows. */
  commit: string | null;
}

const root = new URL('../../', import.meta.url);
/** Beside the built code, and not beside the sources. */
const built = new URL('../build.json', import.meta.url);
const gitMs = 5000;

const read = (file: URL) => JSON.parse(readFileSync(file, 'utf8'));

/** The version of the package. */
export const version = (): string => String(read(new URL('package.json', root)).version);

/** What was built, or what the checkout is at. */
export function build(): Build {
  if (existsSync(built)) return read(built);
  const commit = git('describe', '--always', '--exclude', '*', '--abbrev=12', '--dirty');
  const tag = git('describe', '--tags', '--match', 'v[0-9]*', '--dirty');
  return { version: tag?.slice(1) ?? version(), commit };
}

/** Such as `0.2.0 (commit 1234567890ab, Node 26.10.0)`. */
export function versionLine(): string {
  const { version, commit } = build();
  const from = commit === null ? 'checkout' : `commit ${commit}`;
  return `${version} (${from}, Node ${process.versions.node})`;
}

/** What git says of the checkout; null where there is no git, no repository or no such thing. */
function git(...args: string[]): string | null {
  // Git would look in the folders above, which may be another repository's.
  if (!existsSync(new URL('.git', root))) return null;
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { status, stdout } = spawnSync('git', args, {
    cwd: root,
    encoding: 'utf8',
    timeout: gitMs,
    env: { PATH: process.env.PATH },
  });
  return status === 0 ? stdout.trim() : null;
}
