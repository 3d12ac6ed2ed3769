// Runs the blocks of README unchanged, line by line, on real disks. Each must succeed.

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { demoBase } from '../demo-base.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { debianPackage } from './server.ts';

const root = new URL('../..', import.meta.url).pathname;
const readyMs = 300_000;
const blockMs = 600_000;

/** Returns the lines of the only block in which a line begins with the text. */
async function blockWith(line: string): Promise<string[]> {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, text = '']) =>
    text.trimEnd().split('\n'),
  );
  const found = blocks.filter((lines) => lines.some((one) => one.startsWith(line)));
  assert.equal(found.length, 1, `README has one block with ${line}`);
  return found[0] ?? [];
}

describe('README', () => {
  it('shows only commands that work: start, tour, by hand, a signed request, your own things', async (t) => {
    await demoBase();
    const folder = await temporaryFolder(t);
    const dataDir = join(folder, 'data');
    // The data directory and the port differ from the README, so that this host's stay untouched.
    const env = { ...process.env, SILVERSMITH_DATA_DIR: dataDir, SILVERSMITH_PORT: '0' };
    /** Runs lines in a shell in the repository, one after the other. */
    const typed = async (lines: readonly string[], cwd = root) => {
      const script = ['shopt -s expand_aliases', 'set -e -o pipefail', ...lines].join('\n');
      const { stdout } = await promisify(execFile)('bash', ['-c', script], {
        cwd,
        env,
        timeout: blockMs,
      });
      return stdout;
    };

    const [start = ''] = await blockWith('npm start');
    // npm, the shell and the server form a process group, so that all get a signal, as in a
    // terminal.
    const server: ChildProcess = spawn('bash', ['-c', `exec ${start}`], {
      ...{ cwd: root, env, detached: true },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => server.once('close', resolve));
    let said = '';
    server.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    defer(t, async () => {
      process.kill(-(server.pid ?? 0), 'SIGINT');
      await ended;
    });
    const [, url = ''] = await waitFor(
      'the demo is ready',
      () => /serves (\S+) .*The demo is ready/s.exec(said),
      readyMs,
    );
    assert.match(said, /npm run tour/);

    assert.match(await typed(await blockWith('npm run tour')), /That was the tour/);

    const byHand = await blockWith('alias silversmith=');
    const output = join(folder, 'image.qcow2');
    const shown = await typed(byHand.map((line) => line.replace('image.qcow2', output)));
    assert.match(shown, /htop \d/);

    const { key, secret } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const signed = (await blockWith('key=…')).map((line) =>
      line
        .replace('key=…  secret=…', `key=${key} secret=${secret}`)
        .replace('http://127.0.0.1:8080', url),
    );
    assert.match(await typed(signed), /"client_code":200/);

    await writeFile(join(folder, 'install.sh'), 'dpkg -i tool.deb\n');
    await typed([`cp ${await debianPackage(t, 'tool')} tool.deb`], folder);
    const [alias = ''] = byHand;
    const own = (await blockWith('silversmith base add')).map((line) =>
      line.replace('disk.qcow2', 'image.qcow2 --no-try'),
    );
    const made = await typed([alias.replace('$PWD', root), ...own], folder);
    for (const what of ['Base image', 'Software', 'Machine type', 'secret'])
      assert.match(made, new RegExp(what));
  });
});
