// Builds the program for the package: JavaScript with source maps in dist/, without tests. `npm pack`
// runs it. Node strips no types below node_modules, so a package cannot have the sources instead.

import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, version } from '../src/bin/version.ts';

const root = new URL('..', import.meta.url).pathname;
const dist = join(root, 'dist');

const made = build();
// A commit that has a tag is a release, whose package must have the same version.
if (/^\d+\.\d+\.\d+$/.test(made.version) && made.version !== version())
  throw new Error(`The tag is v${made.version}, and package.json says ${version()}: change one.`);
rmSync(dist, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '--project', join(root, 'tsconfig.build.json')],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
writeFileSync(join(dist, 'build.json'), `${JSON.stringify(made)}\n`);
chmodSync(join(dist, 'bin', 'silversmith.js'), 0o755);
