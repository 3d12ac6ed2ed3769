// The start of the command line: which modules it loads, and where it keeps compiled code. What is
// loaded takes most of the time of a command, and is the same on every machine, unlike the time.
// `node bench/command-line.ts` measures the time.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { entry } from '../server-process.ts';
import { type Scope, temporaryFolder } from '../support.ts';
import { startDemo } from './demo.ts';

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).href;
const recorder = new URL('record-modules.ts', import.meta.url).href;

/** Node's own modules that a command with a request loads, and a few more: 203 on Node 26.10. */
const ownModulesMax = 210;

const always = [
  'commander',
  'src/bin/commands.ts',
  'src/bin/main.ts',
  'src/bin/program.ts',
  'src/bin/silversmith.js',
  'src/bin/version.ts',
  'src/cli/exit.ts',
  'src/cli/output.ts',
  'src/lib/characters.ts',
  'src/lib/visible.ts',
];
const forEachRequest = [
  'src/cli/file.ts',
  'src/cli/listing.ts',
  'src/cli/parse-address.ts',
  'src/cli/parse.ts',
  'src/cli/remote/context.ts',
  'src/cli/remote/node-fetch.ts',
  'src/cli/remote/settings.ts',
  'src/cli/setting.ts',
  'src/cli/similar.ts',
  'src/cli/table.ts',
  'src/client/client.ts',
  'src/client/error-codes.ts',
  'src/client/errors.ts',
  'src/client/request.ts',
  'src/client/retry.ts',
  'src/client/routes.ts',
  'src/client/watch.ts',
  'src/client/web-fetch.ts',
  'src/contract/signing.ts',
  'src/lib/folders.ts',
  'src/lib/plain-text.ts',
];
/** What `list` of a noun loads beside that. */
const filesOf: Record<string, readonly string[]> = {
  image: [
    'src/cli/remote/image-table.ts',
    'src/cli/remote/image.ts',
    'src/cli/remote/name.ts',
    'src/cli/remote/nouns.ts',
    'src/cli/remote/pages.ts',
    'src/client/page.ts',
  ],
  machine: [
    'src/cli/remote/machine-table.ts',
    'src/cli/remote/machine.ts',
    'src/cli/remote/name.ts',
    'src/cli/remote/nouns.ts',
    'src/cli/remote/pages.ts',
    'src/client/page.ts',
  ],
  software: [
    'src/cli/remote/catalogue.ts',
    'src/cli/remote/software.ts',
    'src/domain/operator-key.ts',
  ],
};

/**
 * Runs a command in a process of its own. Resolves to the packages and files that it has loaded.
 */
async function loadedBy(t: Scope, dataDir: string, ...typed: string[]) {
  const folder = await temporaryFolder(t);
  const RECORD_MODULES = join(folder, 'modules.json');
  await run(process.execPath, ['--import', recorder, entry, ...typed], {
    env: { RECORD_MODULES, SILVERSMITH_DATA_DIR: dataDir, XDG_CACHE_HOME: folder },
  });
  const record: { urls: string[]; own: string[] } = JSON.parse(
    await readFile(RECORD_MODULES, 'utf8'),
  );
  const names = record.urls
    .filter((url) => url.startsWith(root))
    .map((url) => url.slice(root.length).replace(/^node_modules\/((?:@[^/]+\/)?[^/]+)\/.*/, '$1'));
  return { names: [...new Set(names)].sort(), own: record.own };
}

describe('the start of a command', () => {
  it('loads the table of words and commander alone for --help', async (t) => {
    const { names, own } = await loadedBy(t, '/nowhere', '--help');
    const help = ['src/bin/examples.ts', 'src/bin/help.ts'];
    assert.deepEqual(names, [...always, ...help].sort());
    assert.ok(own.length <= ownModulesMax, `${own.length} modules of Node`);
  });

  it('loads the files of its noun and the client, but no schema and no fetch', async (t) => {
    const { dataDir } = await startDemo(t);
    for (const [noun, files] of Object.entries(filesOf)) {
      const { names, own } = await loadedBy(t, dataDir, noun, 'list', '--json');
      assert.deepEqual(names, [...always, ...forEachRequest, ...files].sort(), noun);
      assert.ok(own.length <= ownModulesMax, `${noun}: ${own.length} modules of Node`);
      assert.ok(!own.some((name) => name.includes('undici')), 'fetch is made of undici');
    }
  });
});

describe('compiled code', () => {
  const start = (cache: string, cwd = '/') =>
    run(process.execPath, [entry, '--version'], { cwd, env: { XDG_CACHE_HOME: cache, HOME: cwd } });

  it('is kept in a folder of the user that nobody else may open', async (t) => {
    const cache = await temporaryFolder(t);
    await start(cache);
    const folder = join(cache, 'silversmith', 'compiled');
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.equal((await readdir(folder)).length, 1);
  });

  it('is not kept where others may write, nor in a link', async (t) => {
    const parentOf = async () => join(await temporaryFolder(t), 'silversmith');
    const made = async (parent: string) => {
      const folder = join(parent, 'compiled');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    };
    const [open, below, linked] = [await parentOf(), await parentOf(), await parentOf()];
    const target = await temporaryFolder(t);
    const folders = [await made(open), await made(below), target];
    await chmod(join(open, 'compiled'), 0o777);
    await chmod(below, 0o777);
    await mkdir(linked);
    await symlink(target, join(linked, 'compiled'));
    for (const parent of [open, below, linked])
      assert.match((await start(dirname(parent))).stdout, /^\d/);
    for (const folder of folders) assert.deepEqual(await readdir(folder), [], folder);
  });

  it('is not kept below the folder of the caller; without a place for it, commands work', async (t) => {
    const home = await temporaryFolder(t);
    for (const relative of ['', 'cache']) await start(relative, home);
    assert.deepEqual(await readdir(home), ['.cache']);
    assert.match((await start(join(home, 'not', 'there'), home)).stdout, /^\d/);
    const cwd = await temporaryFolder(t);
    await run(process.execPath, [entry, '--version'], { cwd, env: { HOME: '' } });
    assert.deepEqual(await readdir(cwd), []);
  });
});
