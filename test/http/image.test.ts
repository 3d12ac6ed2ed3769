// Images over the whole stack: what each operation promises, and how it refuses.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHarness } from './harness.ts';

const install = (h: Awaited<ReturnType<typeof startHarness>>, body: unknown = {}) =>
  h.call('imageInstall', { body });

describe('imageInstall', () => {
  it('builds from nothing chosen: the newest base, its size with the buffer, a name of its id', async (t) => {
    const h = await startHarness(t);
    const { status, body } = await h.send({
      method: 'POST',
      path: '/organization-management/v1/images/install',
    });
    assert.equal(status, 200);
    assert.equal(body.attributes.status, 'pending');
    assert.equal(body.attributes.name, `Template #${body.id}`);
    assert.equal(body.attributes.source, 'pre_installation');
    assert.equal(body.attributes.size, 1);
    assert.equal((await h.imageSettled(body.attributes.id)).status, 'available');
  });

  it('counts duplicates once and takes the ceiling of 1.05 × (base + software)', async (t) => {
    const h = await startHarness(t);
    const { body } = await install(h, {
      software_ids: [h.browser.id, h.editor.id, h.browser.id],
      base_image_id: h.base.id,
      name: 'Design',
    });
    assert.deepEqual(
      body.attributes.softwares.map((one: { attributes: object }) => one.attributes),
      [
        { id: h.editor.id, name: 'Editor', size: 1.4 },
        { id: h.browser.id, name: 'Browser', size: 2 },
      ],
    );
    assert.equal(body.attributes.size, Math.ceil(1.05 * (h.base.sizeGb + 3.4)));
  });

  it('installs the same list again out of the build cache, and a longer one by its new step alone', async (t) => {
    const h = await startHarness(t);
    const steps = async (software_ids: number[]) => {
      const { body } = await install(h, { software_ids });
      await h.imageSettled(body.attributes.id);
      const log = await h.call('imageLog', { params: { id: body.id } });
      return log.body.steps.map((step: { cache: string }) => step.cache);
    };
    assert.deepEqual(await steps([h.editor.id]), ['miss']);
    assert.deepEqual(await steps([h.editor.id]), ['hit']);
    assert.deepEqual(await steps([h.browser.id, h.editor.id]), ['hit', 'miss']);
  });

  it('fails with the step and the last lines of what it printed', async (t) => {
    const h = await startHarness(t);
    const { body } = await install(h, { software_ids: [h.broken.id] });
    const image = await h.imageSettled(body.attributes.id);
    assert.equal(image.status, 'failed');
    assert.match(
      image.status_reason,
      /Step 1, Broken sim-fail-build, failed with exit status 1.*fails on purpose/s,
    );
    assert.equal((await h.call('imageDelete', { params: { id: body.id } })).status, 200);
  });

  it('shares one step between two builds that need it at once', async (t) => {
    const h = await startHarness(t, { speed: 20 });
    const built = [
      await install(h, { software_ids: [h.editor.id] }),
      await install(h, { software_ids: [h.editor.id] }),
    ];
    const caches: string[] = [];
    for (const { body } of built) {
      assert.equal((await h.imageSettled(body.attributes.id)).status, 'available');
      caches.push((await h.call('imageLog', { params: { id: body.id } })).body.steps[0].cache);
    }
    assert.deepEqual(caches.sort(), ['hit', 'miss']);
  });

  it('names an unknown software or base', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const software = await install(h, { software_ids: [h.editor.id, 999] });
    assert.deepEqual([software.status, software.body.client_code], [404, 404]);
    assert.match(software.body.message, /999/);
    const base = await install(h, { base_image_id: 77 });
    assert.equal(base.body.client_code, 404);
    assert.match(base.body.message, /77/);
  });

  for (const [why, body] of [
    ['a name of 31 characters', { name: 'x'.repeat(31) }],
    ['an empty name', { name: '' }],
    ['a blank name', { name: '   ' }],
    ['a name that is a number', { name: 7 }],
    ['an id that is text', { software_ids: ['1'] }],
    ['an id that is a fraction', { base_image_id: 1.5 }],
    ['an id beyond what is exact', { base_image_id: 2 ** 60 }],
    ['a list that is none', { software_ids: 1 }],
    ['a body that is a list', []],
  ] as const) {
    it(`refuses ${why}`, async (t) => {
      const h = await startHarness(t, { reconcile: false });
      const answer = await install(h, body);
      assert.deepEqual(
        [answer.status, answer.body.client_code],
        [400, 400],
        JSON.stringify(answer.body),
      );
    });
  }

  it('counts characters of a name, not UTF-16 units', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const answer = await install(h, { name: '🪄'.repeat(30) });
    assert.equal(answer.body.attributes.name, '🪄'.repeat(30));
    assert.equal((await install(h, { name: '🪄'.repeat(31) })).body.client_code, 400);
  });
});

describe('imageCapture', () => {
  it('makes an image of a machine that is off, which is installing meanwhile, and keeps its content', async (t) => {
    const h = await startHarness(t);
    const [first = 0, second = 0] = h.machines;
    await h.call('machineStart', { params: { id: first } });
    await h.machineIs(first, 'ready');
    await h.call('machineStop', { params: { id: first } });
    await h.machineIs(first, 'off');
    const machine = await h.store.read(h.ours, (work) =>
      work.machines.get(h.machines[0] ?? (0 as never)),
    );
    await h.engine.writeToDisk(machine.diskId ?? ('' as never), 'a note');

    const { body } = await h.call('imageCapture', { body: { machine_id: first, name: 'Mine' } });
    assert.deepEqual(
      [body.attributes.status, body.attributes.source, body.attributes.size],
      ['pending', 'seat', 20],
    );
    assert.equal((await h.imageSettled(body.attributes.id)).status, 'available');
    await h.machineIs(first, 'off');

    await h.call('imageAssign', { params: { id: body.id }, body: { machine_ids: [second] } });
    await h.call('machineStart', { params: { id: second } });
    await h.machineIs(second, 'ready');
    const other = await h.store.read(h.ours, (work) =>
      work.machines.get(h.machines[1] ?? (0 as never)),
    );
    assert.ok(h.engine.contentOf(other.diskId ?? ('' as never)).includes('a note'));
  });

  it('refuses in the order of the contract: no disk (4208), not stopped (4209), being captured (4212)', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    const capture = async () =>
      (await h.call('imageCapture', { body: { machine_id: id } })).body.client_code;
    assert.equal(await capture(), 4208);
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    assert.equal(await capture(), 4209);
    await h.call('machineStop', { params: { id } });
    await h.machineIs(id, 'off');
    await h.service.reconciler.stop();
    assert.equal(await capture(), 200);
    assert.equal(await capture(), 4212);
    assert.equal((await h.call('machineStart', { params: { id } })).body.client_code, 4201);
    assert.equal((await h.call('machineStop', { params: { id } })).body.client_code, 4201);
    assert.equal((await h.call('machineReset', { params: { id } })).body.client_code, 4201);
  });

  it('is undone by deleting the image while it is pending', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    await h.call('machineStop', { params: { id } });
    await h.machineIs(id, 'off');
    await h.service.reconciler.stop();
    const { body } = await h.call('imageCapture', { body: { machine_id: id } });
    assert.equal((await h.call('imageDelete', { params: { id: body.id } })).status, 200);
    await h.machineIs(id, 'off');
    assert.equal((await h.call('imageGet', { params: { id: body.id } })).status, 404);
  });
});

describe('imageAssign', () => {
  it('recreates the disk at the next start: installing, then ready', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    const { body: image } = await install(h, { software_ids: [h.editor.id] });
    await h.imageSettled(image.attributes.id);
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    assert.equal(
      (await h.call('imageAssign', { params: { id: image.id }, body: { machine_ids: [id, id] } }))
        .status,
      200,
    );
    const off = await h.machineIs(id, 'off');
    assert.deepEqual(
      [off.assigned_image_id, off.assigned_image_name, off.assignment_pending],
      [Number(image.id), image.attributes.name, true],
    );
    await h.service.reconciler.stop();
    await h.call('machineStart', { params: { id } });
    assert.equal(
      (await h.call('machineGet', { params: { id } })).body.attributes.friendly_status,
      'installing',
    );
  });

  it('is all or nothing', async (t) => {
    const h = await startHarness(t);
    const { body: image } = await install(h);
    await h.imageSettled(image.attributes.id);
    const foreign = await h.addMachine(h.theirs);
    const answer = await h.call('imageAssign', {
      params: { id: image.id },
      body: { machine_ids: [h.machines[0], foreign.id] },
    });
    assert.deepEqual([answer.status, answer.body.client_code], [404, 4211]);
    assert.equal(
      (await h.call('machineGet', { params: { id: h.machines[0] } })).body.attributes
        .assigned_image_id,
      null,
    );
  });

  it('refuses an image that is not available (4210) and a disk that is too small (4510), naming both sizes', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { body: image } = await install(h, { software_ids: [h.editor.id, h.browser.id] });
    const assign = (machine_ids: unknown) =>
      h.call('imageAssign', { params: { id: image.id }, body: { machine_ids } });
    assert.equal((await assign(h.machines)).body.client_code, 4210);
    h.service.reconciler.start();
    await h.imageSettled(image.attributes.id);
    const small = await h.addMachine(h.ours, null, 2);
    const refused = await assign([small.id]);
    assert.equal(refused.body.client_code, 4510);
    assert.match(refused.body.message, /4 GB.*2 GB/);
    for (const wrong of [
      [],
      undefined,
      'all',
      [0],
      [1.5],
      Array.from({ length: 1001 }, (_, index) => index + 1),
    ]) {
      assert.equal(
        (await assign(wrong)).body.client_code,
        400,
        JSON.stringify(wrong)?.slice(0, 40),
      );
    }
  });

  it('stops a machine that is starting, and its next start has the image', async (t) => {
    const h = await startHarness(t, { speed: 40 });
    const [id = 0] = h.machines;
    const { body: image } = await install(h, { software_ids: [h.editor.id] });
    await h.imageSettled(image.attributes.id);
    await h.call('machineStart', { params: { id } });
    assert.equal(
      (await h.call('imageAssign', { params: { id: image.id }, body: { machine_ids: [id] } }))
        .status,
      200,
    );
    assert.equal((await h.machineIs(id, 'off')).assignment_pending, true);
    await h.call('machineStart', { params: { id } });
    assert.equal((await h.machineIs(id, 'ready')).assignment_pending, false);
    const machine = await h.store.read('system', (work) => work.machines.get(id as never));
    assert.ok(h.engine.contentOf(machine.diskId ?? ('' as never)).includes('install Editor'));
  });
});

describe('imageDelete', () => {
  it('takes the image from lists and machines at once, and leaves a running machine alone', async (t) => {
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
    // The other one has no disk, so it begins from the newest base.
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
  it('is newest first, counts all matches, and says when there is no next page', async (t) => {
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
