// The catalogue of software on the command line: titles are added and changed, and bad input is
// refused with a remedy.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startDemo } from './demo.ts';

describe('silversmith software', { concurrency: 2 }, () => {
  it('adds titles, and gives them other recipes, which later builds use', async (t) => {
    const { run, dataDir } = await startDemo(t);
    const script = join(dataDir, 'tool.sh');
    await writeFile(script, 'echo installed\n');
    const added = await run(
      'software',
      'add',
      '--name',
      'Tool',
      '--size',
      '0.5',
      '--script',
      script,
      '--file',
      script,
    );
    assert.deepEqual([added.code, /Software 9 \(Tool\)/.test(added.out)], [0, true], added.err);
    await writeFile(script, 'echo installed otherwise\n');
    const recipe = ['--name', 'Tool 2', '--size', '0.6', '--script', script];
    const image = () => run('image', 'install', '9', '--json');
    const cacheOf = async () =>
      /Cache: (\w+)/.exec(
        (await run('image', 'show', JSON.parse((await image()).out).id)).out,
      )?.[1];
    assert.deepEqual([await cacheOf(), await cacheOf()], ['miss', 'hit']);
    assert.match(
      (await run('software', 'update', '9', ...recipe)).out,
      /Software 9 \(Tool 2\) has its new recipe/,
    );
    assert.deepEqual([await cacheOf(), await cacheOf()], ['miss', 'hit']);
    assert.match((await run('software', 'update', '99', ...recipe)).err, /no software 99/);
  });

  it('refuses bad input with a remedy, as every other command does', async (t) => {
    const { run, dataDir } = await startDemo(t);
    const script = join(dataDir, 'tool.sh');
    await writeFile(script, 'echo installed\n');
    for (const [args, message] of [
      [
        ['software', 'add', '--name', 'X', '--size', 'big', '--script', script],
        /--size .*number above 0/,
      ],
      [
        ['software', 'add', '--name', 'X', '--size', '1', '--script', '/nowhere'],
        /--script: .*not there/,
      ],
      [['image', 'show', 'seven'], /no image named "seven"/],
      [['image', 'show', '77'], /no image 77/],
      [['machine', 'exec', '1', 'ls'], /simulator runs no guests/],
      [['image', 'list', '--url', 'http://127.0.0.1:1'], /No server answers/],
      [['serve', '--engine', 'vmware'], /qemu, incus or simulator/],
      [['serve', '--port', 'x'], /--port/],
      [['serve', '--keep-hours', 'long'], /--keep-hours/],
      [['serve', '--data-dir', dataDir], /Another server/],
      [['key', 'list', '--data-dir', '/nowhere'], /no data in/],
      [['frobnicate'], /unknown command/],
    ] as [string[], RegExp][]) {
      const { err, code } = await run(...args);
      assert.match(err, message, args.join(' '));
      assert.notEqual(code, 0, args.join(' '));
    }
    assert.match((await run('image', 'install', '--help')).out, /--base/);
  });
});
