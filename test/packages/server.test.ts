// npm run test:packages: the program as `npm pack` makes it and `npm i -g` installs it. Its
// dependencies are fetched from the registry, and so are an older Node and the oldest on which it
// runs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';
import { end, npmOnline, output, pack } from './packed.ts';

const mb = 1_000_000;
const tarballBytesMax = 1.5 * mb;
const unpackedBytesMax = 6 * mb;
const limit = { timeout: 280_000 };
const tooOld = '20.20.2';
const oldest = '24.0.0';

/** The tarball, installed under a prefix of its own, and other versions of Node. */
async function installed(t: Scope) {
  const folder = await temporaryFolder(t);
  const [prefix, tools] = [join(folder, 'prefix'), join(folder, 'tools')];
  const packed = pack('.', join(folder, 'packed'));
  npmOnline(folder, 'install', '--global', '--prefix', prefix, packed.file);
  await mkdir(tools);
  await writeFile(join(tools, 'package.json'), '{ "private": true }');
  const nodes = [tooOld, oldest].map((one) => `node-${one}@npm:node-linux-${process.arch}@${one}`);
  npmOnline(tools, 'install', ...nodes);
  return {
    folder,
    packed,
    command: join(prefix, 'bin', 'silversmith'),
    packages: join(prefix, 'lib', 'node_modules', 'silversmith', 'node_modules'),
    node: (version: string) => join(tools, 'node_modules', `node-${version}`, 'bin', 'node'),
  };
}

/** Starts a server of the installed program on the simulator; resolves to its data directory. */
async function served(t: Scope, command: readonly string[]): Promise<string> {
  const dataDir = join(await temporaryFolder(t), 'data');
  const [program = '', ...args] = command;
  const flags = ['serve', '--demo', '--engine', 'simulator', '--simulator-speed', '0'];
  const server = spawn(
    program,
    [...args, ...flags, '--port', '0', '--data-dir', dataDir, '--log-level', 'silent'],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH } },
  );
  const ended = new Promise((resolve) => server.once('close', resolve));
  defer(t, async () => {
    server.kill('SIGTERM');
    assert.equal(await ended, 0);
  });
  let said = '';
  server.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  await waitFor('the demo is ready', () => said.includes('The demo is ready'), 60_000);
  return dataDir;
}

describe('the packed program', () => {
  it('installs with npm, and works on each Node that it promises', limit, async (t) => {
    const { folder, packed, command, packages, node } = await installed(t);

    await t.test('has the built code, its maps, and nothing that is not needed', () => {
      t.diagnostic(`${packed.bytes} bytes, unpacked ${packed.unpackedBytes}`);
      assert.ok(packed.bytes <= tarballBytesMax, String(packed.bytes));
      assert.ok(packed.unpackedBytes <= unpackedBytesMax, String(packed.unpackedBytes));
      const known = /^(assets\/|dist\/|(LICENSE|README\.md|package\.json)$)/;
      assert.deepEqual(
        packed.names.filter((name) => !known.test(name) || /\.ts$|\.test\./.test(name)),
        [],
      );
      const code = packed.names.filter((name) => name.endsWith('.js'));
      assert.deepEqual(
        code.filter((name) => !packed.names.includes(`${name}.map`)),
        [],
      );
      assert.ok(code.length > 300);
    });

    await t.test('brings no Node and no tools of developers', () => {
      const names = readdirSync(packages);
      assert.ok(names.includes('commander'));
      assert.deepEqual(
        names.filter((name) => /^(node-|typescript|@biomejs|fast-check|silversmith)/.test(name)),
        [],
      );
    });

    await t.test('says its version, its commit and the Node on which it runs', () => {
      const said = output(folder, [command, '--version']);
      assert.match(
        said,
        /^\d+\.\d+\.\d+\S* \(commit [0-9a-f]{12}(-dirty)?, Node \d+\.\d+\.\d+\)\n$/,
      );
      assert.ok(said.includes(`Node ${process.versions.node}`));
    });

    await t.test('fails with one line on a Node that is too old', () => {
      const { status, out, err } = end(folder, [node(tooOld), command, 'image', 'list']);
      assert.deepEqual(
        [status, out, err],
        [
          1,
          '',
          `silversmith needs Node 24 or newer; this is ${tooOld}. Install a newer Node, and type the command again.\n`,
        ],
      );
    });

    for (const [name, program] of [
      ['the Node of the tests', [command]],
      [`Node ${oldest}`, [node(oldest), command]],
    ] as const)
      await t.test(`serves and is used on ${name}`, async (one) => {
        const dataDir = await served(one, program);
        const home = await temporaryFolder(one);
        const type = (...words: string[]) =>
          output(home, [...program, ...words], { HOME: home, SILVERSMITH_DATA_DIR: dataDir });
        type('image', 'install', 'htop', '--name', 'Packed');
        type('image', 'assign', 'Packed', '1');
        type('machine', 'start', '1');
        const { images } = JSON.parse(type('image', 'list', '--json'));
        assert.deepEqual(
          images.map(({ attributes }: { attributes: { name: string } }) => attributes.name),
          ['Packed'],
        );
        // Compiled code is kept for an installed program as for a checkout.
        assert.ok(existsSync(join(home, '.cache', 'silversmith', 'compiled')));
      });

    await t.test('shows the lines of the sources when a fault is looked for', () => {
      const { err } = end(folder, [command, 'image', 'list', '--timeout', 'soon'], {
        HOME: folder,
        SILVERSMITH_DEBUG: '1',
      });
      assert.match(err, /src\/cli\/\S+\.ts:\d+/);
    });

    await t.test('has programs that can be run as they are', () => {
      const made = join(packages, '..', 'assets', 'demo-base', 'make');
      assert.ok((statSync(made).mode & 0o111) !== 0);
    });
  });
});
