// The room on the disk of the host, the build cache, which frees room, and the memory of builds.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call } from '../call.ts';
import { settled } from './settled.ts';

describe('the disk of the host', () => {
  const gb = 1024 ** 3;

  it('is never filled: a request without enough room is refused with both numbers, and from 95 % on every new one', async (t) => {
    const { h, does, install } = await settled(t);
    const fill = async (freeGb: number) => {
      h.engine.setCapacity({ totalBytes: 100 * gb, freeBytes: Math.floor(freeGb * gb) });
      await h.service.reconciler.task('measure');
    };
    await fill(6.5);
    const asked = { body: { software_ids: [h.editor.id, h.browser.id] } };
    const refused = (await h.call('imageInstall', asked)).body;
    assert.deepEqual(
      [refused.client_code, /may take 3.4 GB and 1.5 GB are left/.test(refused.message)],
      [440, true],
    );
    // A step in the build cache takes no room.
    await install([h.editor.id]);
    await fill(7.2);
    assert.equal((await h.call('imageInstall', asked)).status, 200);
    const [id = 0, other = 0] = h.machines;
    await fill(50);
    await does('machineStart', id);
    await does('machineStop', id);
    await fill(5);
    const full = (await h.call('imageInstall')).body;
    assert.match(full.message, /95 % full \(95 of 100 GB\)/);
    const capture = (await h.call('imageCapture', { body: { machine_id: id } })).body;
    assert.equal(capture.client_code, 440);
    // New disks are refused first; a machine starts on the disk that it has.
    assert.equal((await h.call('machineStart', { params: { id: other } })).body.client_code, 440);
    assert.equal((await does('machineStart', id)).client_code, 200);
  });
});

describe('the build cache', () => {
  it('frees the least recently used step first, but never a layer that an image or a step uses', async (t) => {
    const { h, does, install, headOf } = await settled(t, {
      settings: { cacheBytesMax: 1, keepImageMs: 0 },
    });
    const used = await install([h.editor.id]);
    const idle = await install([h.editor.id, h.browser.id]);
    const [low, high] = [await headOf(used), await headOf(idle)];
    await does('imageDelete', idle);
    await h.service.reconciler.task('collect');
    const { layers } = await h.engine.inventory(call);
    assert.deepEqual([layers.has(low), layers.has(high)], [true, false]);
    // A step that left the cache is built again, and a step that stayed is found.
    const again = await install([h.editor.id, h.browser.id]);
    const { steps } = await does('imageLog', again);
    assert.deepEqual(
      steps.map((step: { cache: string }) => step.cache),
      ['hit', 'miss'],
    );
  });
});

describe('the memory of the host', () => {
  it('is reserved for a build as the largest of its titles asks for it', async (t) => {
    const { h } = await settled(t, { settings: { hostMemoryMb: 2048, memoryOvercommit: 1.5 } });
    await h.service.reconciler.task('measure');
    const add = (name: string, memoryMb: number) =>
      h.store.write('system', (work) => {
        const recipe = { script: name, files: [], network: false, timeoutMs: 1000, memoryMb };
        return work.software.add({ name, sizeGb: 0.1, recipe });
      });
    const titles = [await add('Larger', 3000), await add('Large', 2000)];
    const software_ids = titles.map(({ id }) => id);
    assert.equal((await h.call('imageInstall', { body: { software_ids } })).status, 200);
    const account = await h.store.read('system', (work) => work.account.host());
    assert.equal(account?.held.memoryMb, 3000);
    const refused = await h.call('imageInstall', {
      body: { software_ids: [(await add('Too large', 4000)).id] },
    });
    assert.equal(refused.body.client_code, 440);
    assert.match(refused.body.message, /A build needs 4000 MB of memory/);
  });
});
