// Builds the package of the client from src/client: JavaScript, its types, and source maps that
// hold the sources. `npm pack` runs it in packages/client, whose README and licence it completes.

import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const packageFolder = join(root, 'packages', 'client');

/** Throws when the sources have an error of types. */
export function buildClient(to = join(packageFolder, 'dist')): void {
  const compile = (...options: string[]) =>
    execFileSync(
      process.execPath,
      [
        join(root, 'node_modules/typescript/bin/tsc'),
        '--project',
        packageFolder,
        '--outDir',
        to,
      ].concat(options),
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
  rmSync(to, { recursive: true, force: true });
  // Programs load the code without its comments; editors show those in the types, and debuggers in
  // the sources.
  compile('--removeComments', '--declaration', 'false');
  compile('--emitDeclarationOnly');
  // A module of types alone, which nothing loads.
  for (const name of ['types.js', 'types.js.map']) rmSync(join(to, 'client', name));
}

if (import.meta.main) {
  buildClient();
  copyFileSync(join(root, 'LICENSE'), join(packageFolder, 'LICENSE'));
}
