// Long commands of the operator: a signal ends them within seconds, and their unfinished work is
// undone.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { OperatorEntry } from '../../src/domain/operator-audit.ts';
import { ensureDemoBase } from '../../src/engine/demo-base.ts';
import { systemPath } from '../../src/lib/spawn.ts';
import { isAlive } from '../process-state.ts';
import { entry } from '../server-process.ts';
import { temporaryFolder, waitFor } from '../support.ts';
import { startDemoAlone } from './demo.ts';

const endsMs = 60_000;
/** A sparse file of this size takes many minutes to read, but no room on the disk. */
const longBytes = 1024 ** 4;

describe('software add', () => {
  it('ends within seconds of a signal, adds nothing, and says so in the trail', async (t) => {
    const { dataDir, run } = await startDemoAlone(t);
    const [script, file] = [join(dataDir, 'recipe.sh'), join(dataDir, 'large')];
    await writeFile(script, 'true\n');
    await writeFile(file, '');
    await truncate(file, longBytes);
    const recipe = ['--name', 'Large', '--size', '1', '--script', script, '--file', file];
    const where = ['--data-dir', dataDir, '--engine', 'simulator'];
    const newest = async (): Promise<OperatorEntry> =>
      JSON.parse((await run('audit', 'list', '--limit', '1', '--json')).out)[0];
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const child = spawn(process.execPath, [entry, 'software', 'add', ...recipe, ...where], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let err = '';
      child.stderr.on('data', (chunk: Buffer) => {
        err += chunk.toString();
      });
      const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
      await waitFor('the command is at work', async () => (await newest()).outcome === 'begun');
      const startedAt = performance.now();
      child.kill(signal);
      assert.equal(await closed, signal === 'SIGINT' ? 130 : 143, err);
      const tookMs = performance.now() - startedAt;
      assert.ok(tookMs < endsMs, `${tookMs} ms`);
      assert.match(err, /^error: It was interrupted, and what was begun is taken back\.\n$/);
      const { action, outcome, reason } = await newest();
      assert.deepEqual([action, outcome], ['softwareAdd', 'failed']);
      assert.match(reason ?? '', /interrupted/);
    }
    assert.doesNotMatch((await run('software', 'list')).out, /Large/);
  });
});

describe('the making of the demo base', () => {
  it('ends within seconds of a signal with all of its tools, and leaves no file', async (t) => {
    const folder = await temporaryFolder(t);
    const [tools, cache] = [join(folder, 'tools'), join(folder, 'cache')];
    await mkdir(tools);
    // This stands in for the tool that takes minutes: it writes a part of its result, and hangs.
    const tool = `#!/bin/sh\nfor last; do :; done\necho part > "$last"\necho $$ > ${folder}/pid\nexec sleep 3600\n`;
    await writeFile(join(tools, 'mmdebstrap'), tool, { mode: 0o755 });
    const stop = new AbortController();
    const made = ensureDemoBase([cache], {
      env: { PATH: `${tools}:${systemPath}` },
      say: () => {},
      signal: stop.signal,
    });
    const ended = assert.rejects(made, /the reason/);
    await waitFor('the tool is at work', () => existsSync(join(folder, 'pid')));
    const pid = await waitFor('it said who it is', async () =>
      Number(await readFile(join(folder, 'pid'), 'utf8')),
    );
    assert.ok(isAlive(pid));
    const startedAt = performance.now();
    stop.abort(new Error('the reason'));
    await ended;
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs < endsMs, `${tookMs} ms`);
    assert.ok(!isAlive(pid));
    assert.deepEqual(await readdir(cache), []);
  });
});
