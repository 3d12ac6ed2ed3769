// The command line as a user types it, against a demo on the simulator: what it prints, its JSON,
// its errors and exit statuses.

import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createClient } from '../../src/client/client.ts';
import { newMasterKey } from '../../src/lib/master-key.ts';
import { startDemo } from './demo.ts';

describe('the command line', { concurrency: 2 }, () => {
  it('does the whole job, prints tables for people and JSON for scripts', async (t) => {
    const { run, runAlone, dataDir } = await startDemo(t);
    assert.match((await runAlone('software', 'list')).out, /^ID +NAME.*htop/s);
    assert.match((await runAlone('--version')).out, /^\d+\.\d+\.\d+\n$/);
    const unknown = await runAlone('frobnicate');
    assert.deepEqual(
      [unknown.code, unknown.out, /unknown command/.test(unknown.err)],
      [1, '', true],
    );
    const refused = await runAlone('image', 'show', '77');
    assert.deepEqual([refused.code, refused.out, /no image 77/.test(refused.err)], [1, '', true]);
    assert.equal((await stat(join(dataDir, 'demo.json'))).mode & 0o777, 0o600);
    assert.match((await run('software', 'list')).out, /^ID +NAME.*htop/s);
    assert.match((await run('base', 'list')).out, /Simulated base/);
    const installed = await run('image', 'install', '4', '--name', 'With htop', '--json');
    assert.equal(installed.code, 0, installed.err);
    const image = JSON.parse(installed.out);
    assert.deepEqual([image.attributes.name, image.attributes.status], ['With htop', 'available']);
    const failed = await run('image', 'install', 'Fails on purpose', '--name', 'Broken');
    assert.deepEqual(
      [failed.code, /Fails on purpose, failed with exit status 3/.test(failed.err)],
      [1, true],
    );
    assert.match((await run('image', 'delete', 'Broken')).out, /deleted/);
    assert.match((await run('image', 'assign', image.id, '1', '2')).out, /2 machine/);
    assert.match((await run('machine', 'start', '1')).out, /ready/);
    assert.match((await run('machine', 'stop', '1', '--gracefully')).out, /off/);
    assert.match((await run('image', 'capture', '1')).out, /available/);
    assert.match((await run('usage')).out, /images +2 +1000/);
    assert.match(
      (await run('image', 'show', image.id, '--log')).out,
      /Step 1: htop\. Cache: miss.*simulated/s,
    );
    assert.match((await run('machine', 'reset', '1')).out, /reset/);
    assert.match((await run('machine', 'disks', '1')).out, /kept/);
    assert.match((await run('machine', 'restore', '1')).out, /1 +/);
    assert.match((await run('image', 'storage', image.id)).out, /exclusive +0\.0/);
    assert.match(
      (await run('image', 'dependents', image.id)).out,
      /machine +1 .*would free 0\.0 MB/s,
    );
    assert.match((await run('image', 'undo', image.id, '2')).out, /1 machines/);
    assert.match((await run('image', 'protect', image.id)).out, /is protected/);
    assert.match((await run('image', 'delete', image.id)).err, /is protected.*409/);
    assert.match((await run('image', 'protect', image.id, '--off')).out, /not protected/);
    assert.match((await run('layer', 'verify')).out, /same|digest taken/);
    assert.match((await run('layer', 'list')).out, /software +sealed/);
    assert.match((await run('cache', 'list')).out, /yes/);
    assert.match((await run('cache', 'prune')).out, /0 steps/);
    assert.match((await run('storage')).out, /free on the host/);
    assert.match((await run('image', 'delete', image.id)).out, /deleted/);
    assert.match((await run('image', 'list', '--deleted')).out, /With htop/);
    assert.match((await run('image', 'restore', image.id)).out, /With htop/);
    assert.match((await run('image', 'delete', image.id)).out, /deleted/);
    assert.equal(JSON.parse((await run('image', 'list', '--json')).out).count, 1);
    assert.equal((await run('machine', 'create', '--type', '1', '--quantity', '2')).code, 0);
    assert.equal(JSON.parse((await run('machine', 'list', '--json')).out).count, 8);
    const file = join(dataDir, 'exported.qcow2');
    const out = await run('image', 'export', image.id, '--output', file);
    assert.match(out.err, /no image/);
    assert.match((await run('image', 'restore', image.id)).out, /With htop/);
    const done = await run('image', 'export', image.id, '--output', file);
    assert.match(done.out, /exported\.qcow2 \(0\.0 MB\), manifest in/, done.err);
    assert.match(
      (await run('image', 'export', image.id, '--output', file)).err,
      /is there already/,
    );
    assert.match(
      (await run('image', 'import', file, '--name', 'Copied')).out,
      /Image \d+ \(Copied\) is available/,
    );
    assert.match((await run('image', 'import', '/nowhere')).err, /is not there/);
    // A download that was cut off goes on where it ended; what is not the export's is told.
    const client = createClient(JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')));
    const cut = (await client.imageExport({ id: Number(image.id) })).id;
    const second = join(dataDir, 'second.qcow2');
    await writeFile(`${second}.part`, (await readFile(file)).subarray(0, 20));
    assert.match(
      (await run('image', 'export', image.id, '--output', second, '--resume', cut)).out,
      /second\.qcow2/,
    );
    assert.deepEqual(await readFile(second), await readFile(file));
    const third = join(dataDir, 'third.qcow2');
    const other = (await client.imageExport({ id: Number(image.id) })).id;
    await writeFile(`${third}.part`, 'something else that lies here');
    const mixed = await run('image', 'export', image.id, '--output', third, '--resume', other);
    assert.match(mixed.err, /are not those of the export; delete it/);
    assert.match(
      (await run('image', 'import', file, '--heal', image.id)).err,
      /only a damaged image can be healed/,
    );
    assert.match((await run('tour')).out, /That was the tour/);
  });

  it('administers keys, whose secret is shown once and kept sealed', async (t) => {
    const { run, dataDir } = await startDemo(t);
    const made = JSON.parse(
      (
        await run(
          'key',
          'create',
          '--organisation',
          'Demo',
          '--permission',
          'images:read',
          '--json',
        )
      ).out,
    );
    const withKey = (...args: string[]) =>
      run(...args, '--key', made.key, '--secret', made.secret, '--url', JSON.parse(demo).url);
    const demo = await readFile(join(dataDir, 'demo.json'), 'utf8');
    assert.equal((await withKey('image', 'list')).code, 0);
    const refused = await withKey('machine', 'list');
    assert.deepEqual([refused.code, /machines:read.*4710/.test(refused.err)], [1, true]);
    assert.ok(!(await run('key', 'list')).out.includes(made.secret));
    assert.ok(!(await readFile(join(dataDir, 'silversmith.db'))).includes(made.secret));
    assert.match((await run('key', 'list')).out, /images:read/);
    assert.notEqual(JSON.parse((await run('key', 'list', '--json')).out).at(-1).lastUsedAt, null);

    const rotated = JSON.parse(
      (await run('key', 'rotate', made.key, '--overlap', '1h', '--json')).out,
    );
    const withNew = (...args: string[]) =>
      run(...args, '--key', rotated.key, '--secret', rotated.secret, '--url', JSON.parse(demo).url);
    assert.deepEqual(
      [(await withKey('image', 'list')).code, (await withNew('image', 'list')).code],
      [0, 0],
    );
    assert.match((await withNew('machine', 'list')).err, /machines:read/);
    const again = JSON.parse(
      (await run('key', 'rotate', rotated.key, '--overlap', '0s', '--json')).out,
    );
    assert.match((await withNew('image', 'list')).err, /401/);
    assert.equal((await run('key', 'revoke', again.key)).code, 0);
    assert.match((await run('key', 'rotate', again.key)).err, /no key .* in use/);
    assert.equal((await run('key', 'revoke', made.key)).code, 0);
    assert.match((await withKey('image', 'list')).err, /401/);
  });

  it('says what an organisation has and may have, and changes the latter', async (t) => {
    const { run } = await startDemo(t);
    assert.match((await run('organisation', 'list')).out, /Demo +0 of 1000 +6 of 1000/);
    assert.match(
      (await run('organisation', 'quota', 'Demo', '--machines', '7')).out,
      /1000 +7 +20/,
    );
    assert.match(
      (await run('machine', 'create', '--type', '1', '--quantity', '2')).err,
      /6 machines, 2 more are asked for, and the most is 7/,
    );
    assert.match(
      (await run('organisation', 'quota', 'Nobody', '--images', '1')).err,
      /no organisation Nobody/,
    );
    assert.match(
      (await run('organisation', 'quota', 'Demo', '--images', '-1')).err,
      /whole number/,
    );
  });

  it('changes the master key while the server is stopped, and the same secrets go on', async (t) => {
    const { run, dataDir, stop, start } = await startDemo(t);
    const file = join(dataDir, 'master.key');
    const before = await readFile(file, 'utf8');
    assert.match((await run('master-key', 'rotate')).err, /Another server is running/);
    await stop();
    assert.match(
      (await run('master-key', 'rotate')).out,
      /1 keys are sealed under the new master key/,
    );
    const after = await readFile(file, 'utf8');
    assert.notEqual(after, before);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    // The key from the environment instead of the file; what is not a key is refused.
    await writeFile(file, before);
    assert.match((await run('master-key', 'rotate')).err, /cannot be opened/);
    await writeFile(file, after);
    await start();
    assert.equal((await run('image', 'list')).code, 0);
  });

  it('serves nobody, and seals nothing, under a master key that is not that of the store', async (t) => {
    const { run, dataDir, stop, start } = await startDemo(t);
    const file = join(dataDir, 'master.key');
    const [own, other] = [await readFile(file, 'utf8'), `${newMasterKey()}\n`];
    const anotherKey =
      /is another one than that of this store: it does not open 1 of the access keys, such as ss/;
    const create = ['key', 'create', '--organisation', 'Demo'];
    const [{ id }] = JSON.parse((await run('key', 'list', '--json')).out);
    // Beside a server that has the right one.
    await writeFile(file, other);
    for (const command of [create, ['key', 'rotate', id]])
      assert.match((await run(...command)).err, anotherKey);
    await stop();
    for (const command of [create, ['serve', '--port', '0']])
      assert.match((await run(...command)).err, anotherKey);
    assert.match(
      (await run('doctor')).out,
      /1 of the access keys \(ss\w+ …\).* cannot be opened with this master key/,
    );
    // Nothing of it was lost: with the right one all is as it was.
    await writeFile(file, own);
    await start();
    assert.equal((await run('image', 'list')).code, 0);
    await stop();
    // Lost for good: each key is replaced, and ends at once, whatever overlap is asked for.
    await writeFile(file, other);
    const made = JSON.parse((await run('key', 'rotate', id, '--json')).out);
    assert.ok(made.replacedUntil <= Date.now());
    await start();
    assert.match((await run('image', 'list')).err, /401/);
    const { url } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const withMade = ['--key', made.key, '--secret', made.secret, '--url', url];
    assert.equal((await run('image', 'list', ...withMade)).code, 0);
  });

  it('adds titles to the catalogue, and says of bad input what to do', async (t) => {
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
      [['serve', '--engine', 'vmware'], /qemu or simulator/],
      [['serve', '--port', 'x'], /--port/],
      [['serve', '--keep-hours', 'long'], /--keep-hours/],
      [['serve', '--data-dir', dataDir], /Another server/],
      [['key', 'list', '--data-dir', '/nowhere'], /no data in/],
      [['frobnicate'], /unknown command/],
    ] as [string[], RegExp][]) {
      const { err, code } = await run(...args);
      assert.match(err, message, args.join(' '));
      assert.equal(code, 1, args.join(' '));
    }
    assert.match((await run('image', 'install', '--help')).out, /--base/);
  });
});
