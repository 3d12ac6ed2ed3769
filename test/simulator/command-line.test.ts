// The command line as a user types it, against a demo on the simulator: the whole job, its output
// for people, and its JSON for scripts.

import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Scope } from '../support.ts';
import { startDemo, startDemoAlone } from './demo.ts';

/** Starts a demo with an image that is assigned to machines 1 and 2 and that machine 1 runs on. */
async function withImage(t: Scope) {
  const demo = await startDemo(t);
  const { run } = demo;
  const installed = await run('image', 'install', '4', '--name', 'With htop', '--json');
  assert.equal(installed.code, 0, installed.err);
  const image = JSON.parse(installed.out);
  assert.deepEqual([image.attributes.name, image.attributes.status], ['With htop', 'available']);
  assert.match((await run('image', 'assign', image.id, '1', '2')).out, /2 machine/);
  assert.match((await run('machine', 'start', '1')).out, /ready/);
  assert.match((await run('machine', 'stop', '1', '--gracefully')).out, /off/);
  return { ...demo, image };
}

describe('the command line', { concurrency: 2 }, () => {
  it('prints results to standard output, and errors to standard error', async (t) => {
    const { run, runAlone, dataDir } = await startDemoAlone(t);
    assert.match((await runAlone('software', 'list')).out, /^ID +NAME.*htop/s);
    assert.match(
      (await runAlone('--version')).out,
      /^\d+\.\d+\.\d+\S* \((checkout|commit \S+), Node [\d.]+\)\n$/,
    );
    const unknown = await runAlone('frobnicate');
    assert.deepEqual(
      [unknown.code, unknown.out, /unknown command/.test(unknown.err)],
      [2, '', true],
    );
    const refused = await runAlone('image', 'show', '77');
    assert.deepEqual([refused.code, refused.out, /no image 77/.test(refused.err)], [3, '', true]);
    assert.equal((await stat(join(dataDir, 'demo.json'))).mode & 0o777, 0o600);
    assert.match((await run('software', 'list')).out, /^ID +NAME.*htop/s);
    assert.match((await run('base', 'list')).out, /Simulated base/);
    const failed = await run('image', 'install', 'Fails on purpose', '--name', 'Broken');
    assert.deepEqual(
      [failed.code, /Fails on purpose, failed with exit status 3/.test(failed.err)],
      [1, true],
    );
    assert.match((await run('image', 'delete', 'Broken', '--yes')).out, /deleted/);
  });

  it('does the whole job', async (t) => {
    const { run, image } = await withImage(t);
    assert.match((await run('image', 'capture', '1')).out, /available/);
    assert.match((await run('usage')).out, /images +2 +1000/);
    assert.match(
      (await run('image', 'show', image.id, '--log')).out,
      /Step 1: htop\. Cache: miss.*simulated/s,
    );
    assert.equal((await run('machine', 'create', '--type', '1', '--quantity', '2')).code, 0);
    assert.equal(JSON.parse((await run('machine', 'list', '--json')).out).count, 8);
    assert.match((await run('tour')).out, /That was the tour/);
  });

  it('undoes changes, and protects an image', async (t) => {
    const { run, image } = await withImage(t);
    assert.match((await run('machine', 'reset', '1', '--yes')).out, /reset/);
    assert.match((await run('machine', 'disks', '1')).out, /kept/);
    assert.match((await run('machine', 'restore', '1')).out, /1 +/);
    assert.match((await run('image', 'storage', image.id)).out, /exclusive +0\.0/);
    assert.match(
      (await run('image', 'dependents', image.id)).out,
      /machine +1 .*would free 0\.0 MB/s,
    );
    assert.match((await run('image', 'undo', image.id, '2', '--yes')).out, /1 machines/);
    assert.match((await run('image', 'protect', image.id)).out, /is protected/);
    assert.match((await run('image', 'delete', image.id, '--yes')).err, /is protected.*409/);
    assert.match((await run('image', 'protect', image.id, '--off')).out, /not protected/);
  });

  it('shows the layers below images, and restores a deleted image', async (t) => {
    const { run, image } = await withImage(t);
    assert.match((await run('image', 'capture', '1')).out, /available/);
    assert.match((await run('layer', 'verify')).out, /same|digest taken/);
    assert.match((await run('layer', 'list')).out, /software +sealed/);
    assert.match((await run('cache', 'list')).out, /yes/);
    assert.match((await run('cache', 'prune', '--yes')).out, /0 steps/);
    assert.match((await run('storage')).out, /free on the host/);
    assert.match((await run('image', 'delete', image.id, '--yes')).out, /deleted/);
    assert.match((await run('image', 'list', '--deleted')).out, /With htop/);
    assert.match((await run('image', 'restore', image.id)).out, /With htop/);
    assert.match((await run('image', 'delete', image.id, '--yes')).out, /deleted/);
    assert.equal(JSON.parse((await run('image', 'list', '--json')).out).count, 1);
  });
});
