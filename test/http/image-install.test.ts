// Images that are built of a base and software.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Recipe } from '../../src/domain/software.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { virtualClock } from '../support.ts';
import { startHarness } from './harness.ts';

const install = (h: Awaited<ReturnType<typeof startHarness>>, body: unknown = {}) =>
  h.call('imageInstall', { body });

describe('imageInstall', () => {
  it('without any choice builds from the newest base, with the size of the base and the reserve, named after its id', async (t) => {
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

  it('installs what a title requires before it, and refuses a list without it', async (t) => {
    const h = await startHarness(t);
    const recipe = { script: 'true', files: [], network: false, timeoutMs: 1000 };
    const add = (name: string, requires: string[] = []) =>
      h.store.write('system', (work) =>
        work.software.add({ name, sizeGb: 0.1, recipe: { ...recipe, requires } }),
      );
    const plugin = await add('Plugin', ['Runtime']);
    const alone = await install(h, { software_ids: [plugin.id] });
    assert.deepEqual([alone.status, alone.body.client_code], [400, 400]);
    assert.match(alone.body.message, /Plugin \(software \d+\) requires Runtime/);
    const runtime = await add('Runtime');
    const { body } = await install(h, { software_ids: [plugin.id, runtime.id] });
    assert.equal((await h.imageSettled(body.attributes.id)).status, 'available');
    const { steps } = (await h.call('imageLog', { params: { id: body.id } })).body;
    assert.deepEqual(
      steps.map(({ name }: { name: string }) => name),
      ['Runtime', 'Plugin'],
    );
  });

  it('takes an equal list from the build cache, and of a longer list builds only the new step', async (t) => {
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

  it('makes steps that reach the network anew on demand and by age, with what stands on them', async (t) => {
    const dayMs = 24 * 3600_000;
    const clock = virtualClock();
    const h = await startHarness(t, { reconcile: false, clock });
    const add = (name: string, more: Partial<Recipe>) =>
      h.store.write('system', (work) => {
        const recipe = { script: name, files: [], network: false, timeoutMs: 1000, ...more };
        return work.software.add({ name, sizeGb: 0.1, recipe });
      });
    const list = [
      await add('first', {}),
      await add('online', { network: true, maxAgeMs: 7 * dayMs }),
      await add('on it', {}),
    ];
    const caches = async (more: object = {}) => {
      await clock.sleep(1);
      const body = { software_ids: list.map(({ id }) => id), ...more };
      const { id } = (await install(h, body)).body.attributes;
      await h.service.reconciler.settle();
      assert.equal((await h.imageSettled(id)).status, 'available');
      const { steps } = (await h.call('imageLog', { params: { id } })).body;
      return steps.map(({ cache }: { cache: string }) => cache);
    };
    assert.deepEqual(await caches(), ['miss', 'miss', 'miss']);
    assert.deepEqual(await caches({ refresh: false }), ['hit', 'hit', 'hit']);
    assert.deepEqual(await caches({ refresh: true }), ['hit', 'miss', 'miss']);
    assert.deepEqual(await caches(), ['hit', 'hit', 'hit']);
    await clock.sleep(6 * dayMs);
    assert.deepEqual(await caches(), ['hit', 'hit', 'hit']);
    await clock.sleep(2 * dayMs);
    assert.deepEqual(await caches(), ['hit', 'miss', 'miss']);
    assert.deepEqual(await caches(), ['hit', 'hit', 'hit']);
  });

  it('fails with the name of the step and the last lines of its output', async (t) => {
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

  it('does not wait behind builds when all of its steps exist', async (t) => {
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let isHeld = false;
    const h = await startHarness(t, {
      wrapEngine: (engine) => ({
        ...engine,
        async buildLayer(...args: Parameters<Engine['buildLayer']>) {
          if (isHeld) await gate;
          return engine.buildLayer(...args);
        },
      }),
    });
    const made = async (software_ids: number[]) =>
      (await install(h, { software_ids })).body.attributes.id;
    assert.equal((await h.imageSettled(await made([h.editor.id]))).status, 'available');
    isHeld = true;
    const held = [await made([h.browser.id]), await made([h.viewer.id]), await made([h.broken.id])];
    for (const software of [[], [h.editor.id]])
      assert.equal((await h.imageSettled(await made(software))).status, 'available');
    letGo();
    for (const id of held) await h.imageSettled(id);
  });

  it('builds a step that was in the cache when it was asked for, and is not any more', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const software_ids = [h.editor.id];
    const first = (await install(h, { software_ids })).body.attributes.id;
    await h.service.reconciler.settle();
    const { layerId } = await h.store.read('system', (work) => work.images.get(first));
    const { body } = await install(h, { software_ids });
    await h.store.write('system', async (work) => {
      assert.equal((await work.jobs.ofImages([body.attributes.id]))[0]?.kind, 'imageReuse');
      if (layerId !== null) await work.layers.update(layerId, { key: null });
    });
    await h.service.reconciler.settle();
    assert.equal((await h.imageSettled(body.attributes.id)).status, 'available');
    const { steps } = (await h.call('imageLog', { params: { id: body.id } })).body;
    assert.deepEqual(
      steps.map((step: { cache: string }) => step.cache),
      ['miss'],
    );
  });

  it('builds a step once for two images that need it at the same time', async (t) => {
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

  it('makes a step anew that a later build began and could not finish', async (t) => {
    let builds = 0;
    const wrapEngine = (engine: Engine): Engine => ({
      ...engine,
      buildLayer(spec, given) {
        const label = builds++ === 0 ? 'sim-fail-build' : spec.label;
        return engine.buildLayer({ ...spec, label }, given);
      },
    });
    const clock = virtualClock();
    const h = await startHarness(t, { reconcile: false, clock, wrapEngine });
    const [older, newer] = [
      (await h.call('imageInstall', { body: { software_ids: [h.editor.id] } })).body.attributes,
      (await h.call('imageInstall', { body: { software_ids: [h.editor.id] } })).body.attributes,
    ];
    // Another server has claimed the older build, and dies before it does anything.
    await h.store.write('system', async (work) => {
      const open = await work.jobs.open(10);
      const job = open.find(({ imageId }) => imageId === older.id);
      assert.ok(job && (await work.jobs.claim([job.id], 'another server', 30_000)).length === 1);
    });
    await h.service.reconciler.settle();
    await clock.sleep(31_000);
    await h.service.reconciler.settle();
    const statusOf = async (id: number) =>
      (await h.call('imageGet', { params: { id } })).body.attributes.status;
    assert.deepEqual([await statusOf(older.id), await statusOf(newer.id)], ['available', 'failed']);
    assert.equal(builds, 2);
  });

  it('names the software or base that does not exist', async (t) => {
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
