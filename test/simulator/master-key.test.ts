// The master key on the command line: its rotation, and a key that belongs to another store.

import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { newMasterKey } from '../../src/lib/master-key.ts';
import { startDemo } from './demo.ts';

describe('the master key', { concurrency: 2 }, () => {
  it('is rotated while the server is stopped, and all secrets still work', async (t) => {
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
    // The old key can no longer open a secret.
    await writeFile(file, before);
    assert.match((await run('master-key', 'rotate')).err, /cannot be opened/);
    await writeFile(file, after);
    await start();
    assert.equal((await run('image', 'list')).code, 0);
  });

  it('of another store is refused by the server and by every command that seals', async (t) => {
    const { run, dataDir, stop, start } = await startDemo(t);
    const file = join(dataDir, 'master.key');
    const [own, other] = [await readFile(file, 'utf8'), `${newMasterKey()}\n`];
    const anotherKey =
      /is another one than that of this store: it does not open 1 of the access keys, such as ss/;
    const create = ['key', 'create', '--organisation', 'Demo'];
    const [{ id }] = JSON.parse((await run('key', 'list', '--json')).out);
    // The server runs, and has the right key.
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
    // Nothing was lost: with the right key everything works as before.
    await writeFile(file, own);
    await start();
    assert.equal((await run('image', 'list')).code, 0);
    await stop();
    // The key is lost for good: each access key is replaced, and the old one ends at once, whatever
    // overlap is asked for.
    await writeFile(file, other);
    const made = JSON.parse((await run('key', 'rotate', id, '--json')).out);
    assert.ok(made.replacedUntil <= Date.now());
    await start();
    assert.match((await run('image', 'list')).err, /401/);
    const { url } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const withMade = ['--key', made.key, '--secret', made.secret, '--url', url];
    assert.equal((await run('image', 'list', ...withMade)).code, 0);
  });
});
