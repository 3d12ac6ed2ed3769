// Templates on the command line: on the host and from afar, they are asked for, shown and removed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startFar } from './far.ts';

describe('silversmith template', () => {
  it('makes, shows and deletes a template, on the host and over the operator’s API alike', async (t) => {
    const { run, far, json } = await startFar(t);
    assert.equal((await run('image', 'install', 'Git', '--name', 'Studio')).code, 0);
    for (const type of [run, far]) {
      const [made] = await json(
        type('template', 'make', '1', '--type', 'Small', '--wait', '--json'),
      );
      assert.deepEqual([made.state, made.name, made.failures], ['ready', 'Studio', 0]);
      assert.match((await type('template', 'list')).out, new RegExp(`${made.id} +Studio .*ready`));
      assert.match((await type('template', 'show', made.id.slice(0, 8))).out, /state +ready/);
      const dry = await type('template', 'delete', made.id, '--dry-run');
      assert.match(dry.out, /boot until it is made again/);
      assert.match((await type('template', 'delete', made.id)).err, /give --yes/);
      assert.equal((await type('template', 'delete', made.id, '--yes')).code, 0);
      const [gone] = await json(type('template', 'list', '--json'));
      assert.ok(gone === undefined || gone.state === 'deleting');
    }
  });

  it('refuses what there is not, and what may not be made, and says what to do', async (t) => {
    const { run, far } = await startFar(t);
    await run('image', 'install', 'Git');
    for (const type of [run, far]) {
      assert.match((await type('template', 'show', 'none')).err, /template list/);
      assert.match((await type('template', 'delete', 'none', '--yes')).err, /template list/);
      assert.match((await type('template', 'make', '99')).err, /no image 99 in any organisation/);
      assert.match((await type('template', 'make', '1', '--type', 'Huge')).err, /Huge/);
      assert.equal((await type('organisation', 'templates', 'Demo', 'never')).code, 0);
      assert.match((await type('template', 'make', '1')).err, /image templates inherit 1/);
      assert.equal((await type('organisation', 'templates', 'Demo', 'inherit')).code, 0);
      assert.match((await type('organisation', 'templates', 'None', 'always')).err, /None/);
      assert.match((await type('organisation', 'templates', 'Demo', 'often')).err, /often/);
    }
    assert.match(
      (await run('image', 'templates', 'never', '1')).out,
      /Templates of image 1: never/,
    );
    assert.match((await run('template', 'make', '1')).err, /image templates inherit 1/);
  });

  it('says of a machine how it was started', async (t) => {
    const { run } = await startFar(t);
    await run('image', 'install', 'Git', '--name', 'Studio');
    await run('template', 'make', '1', '--type', 'Small', '--wait');
    await run('image', 'assign', 'Studio', '1');
    await run('machine', 'start', '1');
    assert.match((await run('machine', 'show', '1')).out, /Started from memory in \d+\.\d s\./);
    await run('machine', 'start', '2');
    assert.match((await run('machine', 'show', '2')).out, /Started cold in .*no template\./);
    assert.equal((await run('doctor')).code, 0);
  });
});
