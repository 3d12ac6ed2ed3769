// The operator's commands over the operator's API: the same answers as on the host, and refusals
// that say what to do.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startFar } from './far.ts';

describe('a command of the operator, with a key of operators', () => {
  it('reads over the API what it reads on the host', async (t) => {
    const { run, far, json } = await startFar(t);
    for (const typed of [
      ['organisation', 'list'],
      ['layer', 'list'],
      ['doctor', '--json'],
    ])
      assert.deepEqual(await far(...typed), await run(...typed), typed.join(' '));
    const names = async (typed: Promise<{ code: number; out: string; err: string }>) =>
      Object.keys(await json(typed));
    const storage = ['storage', '--json'];
    assert.deepEqual(await names(far(...storage)), await names(run(...storage)));
  });

  it('retires and removes over the API as on the host, by name, of versions the newest', async (t) => {
    const { run, far, json, dataDir } = await startFar(t);
    const script = join(dataDir, 'install.sh');
    await writeFile(script, 'true');
    const title = ['--name', 'Studio', '--size', '1', '--script', script];
    for (const version of ['1', '2'])
      await json(run('software', 'add', ...title, '--release', version, '--json'));
    const retired = await json(far('software', 'retire', 'Studio', '--json'));
    assert.deepEqual([retired.name, retired.retiredAt !== null], ['Studio 2', true]);
    const older = await json(run('software', 'retire', 'Studio', '--json'));
    assert.equal(older.name, 'Studio 1', 'of the versions that are offered');
    assert.match((await far('software', 'retire', 'Studio 2', '--off')).out, /is offered\./);
    assert.match((await far('software', 'remove', 'Studio 1')).out, /Studio 1\) is removed/);
    const held = await json(far('base', 'newest', '1', '--off', '--json'));
    assert.deepEqual([held.kind, held.newest], ['base', false]);
    assert.match((await run('base', 'list', '--local')).out, /held/);
    assert.match((await far('machine-type', 'remove', 'Small')).err, /in use by 6 machines/);
    assert.equal((await far('base', 'retire', '9')).code, 3);
    const trail = await json(far('audit', 'list', '--json'));
    assert.ok(
      trail.some(
        ({ action, thing }: { action: string; thing: string }) =>
          action === 'offerRetire' && /Studio 2/.test(thing),
      ),
    );
  });

  it('changes over the API, and the trail of the host names the key and the request', async (t) => {
    const { run, far, json, operator } = await startFar(t);
    const quotas = await json(far('organisation', 'quota', 'Demo', '--images', '7', '--json'));
    assert.deepEqual([quotas.images, quotas.machines], [7, 1000]);
    const sizes = ['--cpus', '1', '--memory', '64', '--disk', '1'];
    const type = await json(far('machine-type', 'add', '--name', 'Tiny', ...sizes, '--json'));
    assert.ok(type.id > 0);
    assert.equal((await far('organisation', 'generalize', 'Demo', 'on')).code, 0);
    assert.equal((await far('cache', 'prune', '--yes')).code, 0);
    const ofOne = ['--organisation', 'Demo', '--permission', 'images:read'];
    const made = await json(far('key', 'create', ...ofOne, '--json'));
    const rotated = await json(far('key', 'rotate', made.key, '--overlap', '0s', '--json'));
    assert.equal(rotated.replaces, made.key);
    assert.equal((await far('key', 'revoke', rotated.key, '--yes')).code, 0);
    const entries = await json(run('audit', 'list', '--json'));
    const ours = entries.slice(0, 7);
    assert.deepEqual(
      ours.map((one: { action: string }) => one.action),
      [
        ...['keyRevoke', 'keyRotate', 'keyCreate', 'cachePrune', 'organisationGeneralize'],
        ...['machineTypeAdd', 'organisationQuotaSet'],
      ],
    );
    for (const { operator: by, requestId, outcome } of ours)
      assert.deepEqual([by, typeof requestId, outcome], [`key:${operator.key}`, 'string', 'done']);
    assert.deepEqual(await json(far('audit', 'list', '--json')), entries);
  });

  it('says what to do when the key, the place or the command is the wrong one', async (t) => {
    const { run, runIn, far, tenant, operator, url } = await startFar(t);
    const as = (key: { key: string; secret: string }, ...args: string[]) =>
      runIn({ SILVERSMITH_SECRET: key.secret }, ...args, '--url', url, '--key', key.key);
    const theirs = await as(tenant, 'organisation', 'list');
    assert.match(theirs.err, /is of an organisation, and this command needs one of operators/);
    const both = await as(operator, 'organisation', 'list', '--data-dir', '/tmp');
    assert.match(both.err, /not both/);
    const own = await far('key', 'revoke', operator.key, '--yes');
    assert.match(own.err, /itself: true/);
    assert.match((await far('key', 'create', '--operator')).err, /own host alone/);
    assert.match((await far('key', 'rotate', operator.key)).err, /own host alone/);
    assert.match((await run('key', 'create')).err, /Whose key is it\?/);
    assert.equal((await far('key', 'revoke', operator.key, '--yes', '--itself')).code, 0);
    assert.match((await far('organisation', 'list')).err, /does not take this key/);
    assert.equal((await run('organisation', 'list')).code, 0, 'the host goes on without a key');
  });
});
