// Lists: their pages, and the lists of the catalogue for remote users and for the operator.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startDemo } from './demo.ts';
import { refuses } from './refuses.ts';

describe('lists', () => {
  it('report that there are more pages, and show all of them on request', async (t) => {
    const { run } = await startDemo(t);
    assert.equal((await run('machine', 'create', '--type', '1', '--quantity', '16')).code, 0);
    const first = await run('machine', 'list');
    assert.equal(first.out.trimEnd().split('\n').length, 21);
    assert.match(first.err, /^20 of 22; next page: --page 2; all: --all\n$/);
    assert.equal((await run('machine', 'list', '--page', '2')).err, '');
    assert.match(
      (await run('machine', 'list', '--page', '2', '--per-page', '5')).err,
      /^6–10 of 22; next page: --page 3/,
    );
    assert.match((await run('machine', 'list', '--page', '9')).err, /no page 9.*22.*--page 2/);
    const json = await run('machine', 'list', '--json');
    assert.deepEqual([json.err, JSON.parse(json.out).machines.length], ['', 20]);
    const all = await run('machine', 'list', '--all', '--per-page', '7');
    assert.deepEqual([all.err, all.out.trimEnd().split('\n').length], ['', 23]);
    const whole = JSON.parse((await run('machine', 'list', '--all', '--json')).out);
    assert.deepEqual([whole.machines.length, whole.count, whole.next_page], [22, 22, null]);
    await run('image', 'install', '--name', 'A');
    await run('image', 'install', '--name', 'B');
    assert.match(
      (await run('image', 'list', '--per-page', '1')).err,
      /1 of 2; next page: --page 2/,
    );
    for (const name of ['A', 'B']) await run('image', 'delete', name, '--yes');
    assert.match(
      (await run('image', 'list', '--deleted', '--per-page', '1')).err,
      /1 of 2; next page: --page 2/,
    );
    assert.match((await run('image', 'list')).err, /^$/);
  });

  it('are emptied page by page, where each page follows the last thing of the one before', async (t) => {
    const { run } = await startDemo(t);
    for (let number = 1; number <= 22; number++) await run('image', 'install', '--no-wait');
    const seen: string[] = [];
    let after: string[] = [];
    for (;;) {
      const page = await run('image', 'list', '--per-page', '5', '--json', ...after);
      const { images, next_before: before, count } = JSON.parse(page.out);
      assert.equal(count, 22 - seen.length);
      const ids = images.map(({ id }: { id: string }) => id);
      seen.push(...ids);
      assert.equal((await run('image', 'delete', ...ids, '--yes')).code, 0);
      if (before === null) break;
      after = ['--before', String(before)];
    }
    assert.equal(new Set(seen).size, 22);
    assert.equal((await run('image', 'list', '--quiet')).out, '');
    const all = await run('image', 'list', '--deleted', '--all', '--per-page', '5', '--quiet');
    assert.deepEqual(all.out.trimEnd().split('\n'), seen);
    const part = await run(
      'image',
      'list',
      '--deleted',
      '--before',
      seen[4] ?? '',
      '--per-page',
      '5',
    );
    assert.match(part.err, /^5 of 22; what follows: --before \d+; all: --all\n$/);
    const both = await run('image', 'list', '--before', '5', '--page', '2');
    assert.match(both.err, /before.*page/);
  });

  it('of the catalogue work for remote users, and show the operator more with --local', async (t) => {
    const { runIn, run, dataDir } = await startDemo(t);
    const { url, key, secret } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const elsewhere = {
      SILVERSMITH_DATA_DIR: '/nowhere',
      SILVERSMITH_URL: url,
      SILVERSMITH_KEY: key,
      SILVERSMITH_SECRET: secret,
    };
    assert.match(
      (await runIn(elsewhere, 'software', 'list')).out,
      /^ID +NAME +VERSION +GB\n.*htop/s,
    );
    assert.match(
      (await runIn(elsewhere, 'base', 'list')).out,
      /^ID +NAME +VERSION +GB\n1 +Simulated base/,
    );
    assert.match(
      (await runIn(elsewhere, 'machine-type', 'list')).out,
      /^ID +NAME +TYPE.*\n1 +Small +small +1 +768 +10\n/,
    );
    assert.equal(
      JSON.parse((await runIn(elsewhere, 'machine-type', 'list', '--json')).out).plans[0].attributes
        .name,
      'Small',
    );
    assert.match((await run('software', 'list', '--local')).out, /NETWORK +RETIRED\n/);
    assert.match((await run('base', 'list', '--local')).out, /BOOT +WORKS +DEFAULT +RETIRED\n/);
    assert.match((await run('machine-type', 'list', '--local', '--json')).out, /"memoryMb": 768/);
    await refuses(runIn, [
      [
        ['machine-type', 'list'],
        /No credentials.*on the server's own host.*--local/,
        { SILVERSMITH_DATA_DIR: '/nowhere' },
      ],
      [
        ['machine-type', 'list', '--local', '--data-dir', '/nowhere'],
        /on the server's own host.*\/nowhere/,
      ],
    ]);
  });
});
