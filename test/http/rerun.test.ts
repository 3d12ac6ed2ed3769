// The main job on a store that runs each write twice and undoes the first run, as PostgreSQL may.
// Requests and jobs give the same result, because a write has no effect outside its transaction.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { runningTwice } from '../contract/rerun.ts';
import { virtualClock } from '../support.ts';
import { startHarness } from './harness.ts';

async function started(t: TestContext) {
  const h = await startHarness(t, { wrapStore: runningTwice, clock: virtualClock() });
  const [first, second] = h.machines;
  assert.ok(first !== undefined && second !== undefined);
  return { h, first, second };
}

describe('a store that runs each write twice', () => {
  it('captures, builds, assigns, starts, deletes and restores like any other store', async (t) => {
    const { h, first, second } = await started(t);
    const power = async (id: number, action: 'machineStart' | 'machineStop', status: string) => {
      const { body } = await h.call(action, { params: { id }, body: {} });
      assert.equal(body.client_code, 200);
      return h.machineIs(id, status);
    };
    await power(first, 'machineStart', 'ready');
    await power(first, 'machineStop', 'off');
    const captured = (await h.call('imageCapture', { body: { machine_id: first } })).body;
    const built = (await h.call('imageInstall', { body: { software_ids: [h.editor.id] } })).body;
    const failed = (await h.call('imageInstall', { body: { software_ids: [h.broken.id] } })).body;
    const statuses: string[] = [];
    for (const { attributes } of [captured, built, failed])
      statuses.push((await h.imageSettled(attributes.id)).status);
    assert.deepEqual(statuses, ['available', 'available', 'failed']);
    const id = built.attributes.id;
    await h.call('imageAssign', { params: { id }, body: { machine_ids: [second] } });
    await power(second, 'machineStart', 'ready');
    await h.call('imageDelete', { params: { id } });
    const restored = await h.call('imageRestore', { params: { id } });
    assert.equal(restored.body.client_code, 200);
    const machines = await h.store.read(h.ours, (work) => work.machines.all());
    assert.deepEqual(
      machines.map(({ assignedImageId, assignmentPendingAt }) => [
        assignedImageId,
        assignmentPendingAt,
      ]),
      [
        [null, null],
        [id, null],
      ],
    );
    // One image and one entry in the audit trail for each request, however often its work was run.
    const { images, audit } = await h.store.read(h.ours, async (work) => ({
      images: await work.images.list({ page: 1, perPage: 10 }),
      audit: await work.audit.list({ from: 0, to: work.now(), limit: 100 }),
    }));
    assert.equal(images.count, 3);
    const changes = audit.entries.map(({ action }) => action).filter((name) => /^image/.test(name));
    assert.deepEqual(changes.sort(), [
      ...['imageAssign', 'imageCapture', 'imageDelete'],
      ...['imageInstall', 'imageInstall', 'imageRestore'],
    ]);
  });

  it('removes everything that is not needed, and forgets nothing that is needed', async (t) => {
    const { h, first } = await started(t);
    const { body } = await h.call('imageInstall', { body: { software_ids: [h.editor.id] } });
    await h.imageSettled(body.attributes.id);
    await h.call('machineStart', { params: { id: first }, body: {} });
    await h.machineIs(first, 'ready');
    for (const name of ['measure', 'observe', 'verify', 'sweep', 'collect', 'compact'] as const)
      await h.service.reconciler.task(name);
    const layers = await h.store.read('system', (work) => work.layers.list());
    assert.deepEqual(
      layers.map(({ state }) => state),
      ['sealed', 'sealed'],
    );
    assert.equal((await h.machineIs(first, 'ready')).friendly_status, 'ready');
  });
});
