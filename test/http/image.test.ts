// Images: their deletion, protection and lists.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHarness } from './harness.ts';
import { settled } from './settled.ts';

const install = (h: Awaited<ReturnType<typeof startHarness>>, body: unknown = {}) =>
  h.call('imageInstall', { body });

describe('imageDelete', () => {
  it('takes the image out of lists and assignments at once, and leaves a running machine as it is', async (t) => {
    const h = await startHarness(t);
    const [id = 0, other = 0] = h.machines;
    const { body: image } = await install(h, { software_ids: [h.editor.id] });
    await h.imageSettled(image.attributes.id);
    await h.call('imageAssign', { params: { id: image.id }, body: { machine_ids: [id, other] } });
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    assert.equal((await h.call('imageDelete', { params: { id: image.id } })).status, 200);
    assert.equal((await h.call('imageDelete', { params: { id: image.id } })).status, 404);
    assert.equal((await h.call('imageList')).body.count, 0);
    assert.equal((await h.machineIs(id, 'ready')).assigned_image_id, null);
    // The other machine has no disk, so it starts from the newest base.
    await h.call('machineStart', { params: { id: other } });
    assert.equal((await h.machineIs(other, 'ready')).assignment_pending, false);
  });

  it('refuses while the image is building (4213)', async (t) => {
    const h = await startHarness(t, { speed: 1 });
    const { body: image } = await install(h, { software_ids: [h.editor.id] });
    while (
      (await h.call('imageGet', { params: { id: image.id } })).body.attributes.status === 'pending'
    )
      await new Promise(setImmediate);
    assert.equal(
      (await h.call('imageDelete', { params: { id: image.id } })).body.client_code,
      4213,
    );
  });
});

describe('imageList', () => {
  it('lists the newest image first, counts all matches, and has no next page after the last', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    for (const name of ['Alpha', 'beta 100%', 'Beta_2', 'ÄRGER']) await install(h, { name });
    const list = async (query: string) => {
      const { body } = await h.call('imageList', { query });
      return {
        names: body.images.map((one: { attributes: { name: string } }) => one.attributes.name),
        count: body.count,
        page: body.page,
        next: body.next_page,
      };
    };
    assert.deepEqual(await list('?per_page=3'), {
      names: ['ÄRGER', 'Beta_2', 'beta 100%'],
      count: 4,
      page: 1,
      next: 2,
    });
    assert.deepEqual(await list('?per_page=3&page=2'), {
      names: ['Alpha'],
      count: 4,
      page: 2,
      next: null,
    });
    assert.deepEqual(await list('?page=9'), { names: [], count: 4, page: 9, next: null });
    assert.deepEqual((await list('?q=BETA')).names, ['Beta_2', 'beta 100%']);
    assert.deepEqual((await list(`?q=${encodeURIComponent('%')}`)).names, ['beta 100%']);
    assert.deepEqual((await list('?q=_')).names, ['Beta_2']);
    assert.deepEqual((await list(`?q=${encodeURIComponent('ärg')}`)).names, ['ÄRGER']);
    for (const wrong of [
      '?page=0',
      '?page=x',
      '?per_page=101',
      '?per_page=0',
      '?per_page=',
      '?page=1&page=2',
      '?page=1.5',
    ]) {
      assert.equal((await h.call('imageList', { query: wrong })).body.client_code, 400, wrong);
    }
  });
});

describe('a protected image', () => {
  it('is not deleted until its protection ends', async (t) => {
    const { does, install } = await settled(t);
    const id = await install([]);
    assert.equal((await does('imageProtect', id, { protected: true })).attributes.protected, true);
    const refused = await does('imageDelete', id);
    assert.deepEqual([refused.client_code, /is protected/.test(refused.message)], [409, true]);
    assert.equal(
      (await does('imageProtect', id, { protected: false })).attributes.protected,
      false,
    );
    assert.equal((await does('imageDelete', id)).client_code, 200);
  });
});
