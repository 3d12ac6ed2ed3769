// What an organisation may have: refused with both numbers, counted in the same transaction, and free again when something goes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gbBytes } from '../../src/domain/layer.ts';
import { startHarness } from './harness.ts';

describe('a quota', () => {
  it('refuses what would be too much, with both numbers, also when requests arrive at once', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    await h.store.write('system', (work) =>
      work.organisations.setQuotas(h.ours, { images: 3, machines: 4, builds: 2 }),
    );
    const answers = await Promise.all([1, 2, 3, 4].map(() => h.call('imageInstall')));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 400, 400]);
    const refused = answers.find(({ status }) => status === 400);
    assert.match(refused?.body.message, /2 images being made at once, 1 more is asked for, and the most is 2/);
    assert.equal((await h.call('imageInstall', {}, h.keys.theirs)).status, 200);

    await h.service.reconciler.settle();
    assert.equal((await h.call('imageInstall')).status, 200);
    await h.service.reconciler.settle();
    assert.match((await h.call('imageInstall')).body.message, /has 3 images, 1 more is asked for, and the most is 3/);
    await h.call('imageDelete', { params: { id: answers.find(({ status }) => status === 200)?.body.id } });
    assert.equal((await h.call('imageInstall')).status, 200);

    const create = (quantity: number) => h.call('machineCreate', { body: { plan_id: h.plan.id, quantity } });
    assert.match((await create(3)).body.message, /has 2 machines, 3 more are asked for, and the most is 4/);
    assert.equal((await create(2)).status, 200);
    const { body } = await h.call('usageGet');
    assert.deepEqual(
      [body.images, body.machines, body.builds],
      [
        { used: 3, limit: 3 },
        { used: 4, limit: 4 },
        { used: 1, limit: 2 },
      ],
    );
  });

  it('counts the bytes of the captures that its images and disks stand on, and no more of them fit', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.service.reconciler.settle();
    await h.call('machineStop', { params: { id } });
    await h.service.reconciler.settle();
    assert.equal((await h.call('usageGet')).body.stored_gb.used, 0);
    const capture = () => h.call('imageCapture', { body: { machine_id: id } });
    const image = (await capture()).body.id;
    await h.service.reconciler.settle();
    const { layerId } = await h.store.read(h.ours, (work) => work.images.get(Number(image) as never));
    await h.store.write('system', (work) =>
      work.layers.seal(layerId as never, { virtualBytes: 0, storedBytes: 3 * gbBytes }),
    );
    assert.deepEqual((await h.call('usageGet')).body.stored_gb, { used: 3, limit: 10_000 });
    assert.equal((await h.call('usageGet', {}, h.keys.theirs)).body.stored_gb.used, 0);
    await h.service.reconciler.task('measure');
    assert.ok((await h.call('usageGet')).body.disks_gb > 0);
    assert.equal((await h.call('usageGet', {}, h.keys.theirs)).body.disks_gb, 0);
    await h.store.write('system', (work) => work.organisations.setQuotas(h.ours, { storedGb: 2 }));
    assert.match((await capture()).body.message, /has 3 GB stored, and the most is 2/);
  });
});
