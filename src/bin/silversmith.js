#!/usr/bin/env node
// The entry. Plain JavaScript, so that a Node that is too old can still read what it says.

import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  process.stderr.write(
    `silversmith needs Node 24 or newer; this is ${process.versions.node}. Use the one that npm installs: npm run -s silversmith -- …\n`,
  );
  process.exitCode = 1;
} else {
  // Halves the time to start. In the user's own cache, not in a folder where others could put code.
  module.enableCompileCache?.(join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'silversmith', 'compiled'));
  const { main } = await import('./main.ts');
  process.exitCode = await main(process.argv);
}
