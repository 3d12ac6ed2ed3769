// Builds the program for the package: JavaScript with source maps in dist/, without tests. `npm
// pack` runs it. Node strips no types below node_modules, so a package cannot have the sources
// instead.

import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Build, build, version } from '../src/bin/version.ts';

const root = new URL('..', import.meta.url).pathname;
const dist = join(root, 'dist');

/** A commit with a tag is a release. Throws when its package has another version than the tag. */
export function assertOneVersion(made: Build, packageVersion: string): void {
  const isRelease = /^\d+\.\d+\.\d+$/.test(made.version);
  if (isRelease && made.version !== packageVersion)
    throw new Error(`The tag is v${made.version}, and package.json says ${packageVersion}.`);
}

if (import.meta.main) {
  const made = build();
  assertOneVersion(made, version());
  rmSync(dist, { recursive: true, force: true });
  execFileSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '--project', join(root, 'tsconfig.build.json')],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  writeFileSync(join(dist, 'build.json'), `${JSON.stringify(made)}\n`);
  chmodSync(join(dist, 'bin', 'silversmith.js'), 0o755);
}
