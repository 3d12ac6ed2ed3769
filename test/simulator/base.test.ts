// Base images on the command line: they are tried when they are added, and shown with the result.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startDemo } from './demo.ts';

describe('silversmith base', () => {
  it('tries each added base; a failed base stays, is not the default, and can be tried again', async (t) => {
    const { run, dataDir } = await startDemo(t);
    const file = async (name: string) => {
      const path = join(dataDir, `${name}.raw`);
      await writeFile(path, `a disk, ${name}`);
      return path;
    };
    const known = async () =>
      JSON.parse((await run('base', 'list', '--local', '--json')).out).map(
        (one: { works: boolean | null; default: boolean }) => [one.works, one.default],
      );
    assert.deepEqual(await known(), [[null, true]]);

    const disk = ['--file', await file('good'), '--display', 'virtio'];
    const good = await run('base', 'add', '--name', 'Good', ...disk);
    assert.equal(good.code, 0, good.err);
    assert.match(
      good.out,
      /Base image 2 \(Good, .*\) is added.*Trying it .*Base image 2 \(Good\) works/s,
    );
    const shown = JSON.parse((await run('base', 'show', '2', '--json')).out);
    assert.deepEqual(shown.boot, { mode: 'bios', display: 'virtio', board: 'sim-2' });
    // The server is another process, and uses the base that the command has added.
    const started = await run('machine', 'start', '1');
    assert.equal(started.code, 0, started.err);
    const broken = await run(
      'base',
      'add',
      '--name',
      'Broken',
      '--file',
      await file('sim-never-ready'),
    );
    assert.equal(broken.code, 1);
    assert.match(broken.out, /Base image 3 \(Broken, .*\) is added/);
    assert.match(broken.err, /was not done within its limit of 300 s/);
    assert.match(broken.err, /It is not offered; .* silversmith base retire 3 --off/);
    const named = await run('image', 'install', '--base', '3');
    assert.match(named.err, /base image 3 \(Broken\) is retired, and is not offered/);
    assert.match(broken.err, /base image 2 \(Good\) is taken.*silversmith base try 3/s);
    const later = await run(
      'base',
      'add',
      '--name',
      'Later',
      '--file',
      await file('later'),
      '--no-try',
      '--json',
    );
    assert.deepEqual([later.code, JSON.parse(later.out).id], [0, 4]);
    assert.deepEqual(await known(), [
      [null, false],
      [true, true],
      [false, false],
      [null, false],
    ]);
    assert.match(
      (await run('base', 'list', '--local')).out,
      /2 +Good .*yes +yes\n.*3 +Broken .*no\s.*4 +Later .*not tried/s,
    );
    assert.match((await run('base', 'show', 'Broken')).out, /^Base image 3 .* works +no$/ms);
    const again = await run('base', 'try', '3', '--timeout', '7', '--json');
    assert.deepEqual([again.code, JSON.parse(again.out).works], [1, false]);
    assert.match((await run('base', 'try', '4')).out, /Base image 4 \(Later\) works/);
    assert.deepEqual((await known())[3], [true, true]);
    assert.match((await run('base', 'try', '9')).err, /no base image 9/);
    assert.match(
      (await run('base', 'try', '4', '--timeout', 'long')).err,
      /--timeout.* from 1s to 1h/,
    );
  });
});
