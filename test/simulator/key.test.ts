// Access keys on the command line: made, used, rotated and revoked.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../support.ts';
import { commandLine, startDemo, startDemoAlone } from './demo.ts';

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

  it('manages the keys of an organisation over the API, with a key that may', async (t) => {
    const { run, dataDir } = await startDemo(t);
    const { url } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const json = async (typed: ReturnType<typeof run>) => {
      const { code, out, err } = await typed;
      assert.equal(code, 0, err);
      return JSON.parse(out);
    };
    const held = ['images:read', 'machines:read', 'keys:write'];
    const create = ['key', 'create', '--json'];
    const wanted = ['--organisation', 'Demo', '--name', 'lead', '--permission', ...held];
    const lead = await json(run(...create, ...wanted));
    await json(run(...create, '--organisation', 'Other', '--name', 'foreign'));
    const by =
      ({ key, secret }: { key: string; secret: string }) =>
      (...args: string[]) =>
        run(...args, '--url', url, '--key', key, '--secret', secret);
    const own = by(lead);
    const names = async () =>
      (await json(own('key', 'list', '--json'))).map(({ name }: { name: string }) => name).sort();
    assert.ok((await names()).includes('lead'));
    assert.ok(!(await names()).includes('foreign'));
    assert.match((await own('key', 'list')).out, /lead +its own/);

    const usual = await json(own(...create, '--name', 'usual'));
    const made = (await json(own('key', 'list', '--json'))).find(
      ({ id }: { id: string }) => id === usual.key,
    );
    assert.deepEqual(made.permissions, ['images:read', 'machines:read']);
    assert.equal((await by(usual)('image', 'list')).code, 0);
    const more = await own(...create, '--permission', 'images:write');
    assert.deepEqual([more.code, /lacks images:write itself/.test(more.err)], [4, true]);
    const powerless = await by(usual)('key', 'list');
    assert.deepEqual([powerless.code, /keys:write/.test(powerless.err)], [4, true]);

    const rotated = await json(own('key', 'rotate', usual.key, '--overlap', '0s', '--json'));
    assert.equal((await by(usual)('image', 'list')).code, 4);
    assert.equal((await by(rotated)('image', 'list')).code, 0);
    assert.match((await own('key', 'revoke', rotated.key)).err, /give --yes/);
    assert.equal((await own('key', 'revoke', rotated.key, '--yes')).code, 0);
    assert.equal((await by(rotated)('image', 'list')).code, 4);
    assert.match((await own('key', 'revoke', lead.key, '--yes')).err, /say itself: true/);
    for (const owner of [['--organisation', 'Demo'], ['--operator']])
      assert.match((await own(...create, ...owner)).err, /makes keys of its own organisation/);
  });

  it('uses the key of a profile where no data directory is named', async (t) => {
    const { run, dataDir } = await startDemo(t);
    const { url } = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8'));
    const create = ['key', 'create', '--organisation', 'Demo', '--permission', 'keys:write'];
    const { key, secret } = JSON.parse((await run(...create, '--json')).out);
    const XDG_CONFIG_HOME = await temporaryFolder(t);
    const elsewhere = commandLine({ XDG_CONFIG_HOME, HOME: XDG_CONFIG_HOME });
    const login = ['login', '--url', url, '--key', key, '--name', 'lead'];
    const kept = await elsewhere(...login, '--', '/bin/echo', secret);
    assert.equal(kept.code, 0, kept.err);
    const listed = await elsewhere('key', 'list', '--json');
    assert.equal(listed.code, 0, listed.err);
    assert.ok(JSON.parse(listed.out).some(({ id }: { id: string }) => id === key));
    const here = await elsewhere('key', 'list', '--json', '--data-dir', dataDir);
    assert.ok(JSON.parse(here.out).length >= JSON.parse(listed.out).length);
    assert.ok('organisationId' in JSON.parse(here.out)[0]);
  });
});
