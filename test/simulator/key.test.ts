// Access keys on the command line: made, used, rotated and revoked.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startDemoAlone } from './demo.ts';

describe('silversmith key', () => {
  it('makes, rotates and revokes keys; a secret is shown once and kept sealed', async (t) => {
    const { run, dataDir } = await startDemoAlone(t);
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
    assert.deepEqual([refused.code, /machines:read.*4710/.test(refused.err)], [4, true]);
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
    assert.equal((await run('key', 'revoke', again.key, '--yes')).code, 0);
    assert.match((await run('key', 'rotate', again.key)).err, /no key .* in use/);
    assert.equal((await run('key', 'revoke', made.key, '--yes')).code, 0);
    assert.match((await withKey('image', 'list')).err, /401/);
  });
});
