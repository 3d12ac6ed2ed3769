// Quotas of organisations: a request beyond one is refused with both numbers, within its own
// transaction, and removed things no longer count.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { localCopy } from '../../src/domain/layer-copy.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { startHarness } from './harness.ts';

describe('a quota', () => {
  it('refuses a request beyond it with both numbers, even when requests arrive at once', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    await h.store.write('system', (work) =>
      work.organisations.setQuotas(h.ours, { images: 3, machines: 4, builds: 2 }),
    );
    const answers = await Promise.all([1, 2, 3, 4].map(() => h.call('imageInstall')));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 400, 400]);
    const refused = answers.find(({ status }) => status === 400);
    assert.match(
      refused?.body.message,
      /2 images being made at once, 1 more is asked for, and the most is 2/,
    );
    assert.equal((await h.call('imageInstall', {}, h.keys.theirs)).status, 200);

    await h.service.reconciler.settle();
    assert.equal((await h.call('imageInstall')).status, 200);
    await h.service.reconciler.settle();
    assert.match(
      (await h.call('imageInstall')).body.message,
      /has 3 images, 1 more is asked for, and the most is 3/,
    );
    await h.call('imageDelete', {
      params: { id: answers.find(({ status }) => status === 200)?.body.id },
    });
    assert.equal((await h.call('imageInstall')).status, 200);

    const create = (quantity: number) =>
      h.call('machineCreate', { body: { plan_id: h.machineType.id, quantity } });
    assert.match(
      (await create(3)).body.message,
      /has 2 machines, 3 more are asked for, and the most is 4/,
    );
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

  it('counts the bytes of the captures that images and disks use, and refuses more of them', async (t) => {
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
    const { layerId } = await h.store.read(h.ours, (work) =>
      work.images.get(Number(image) as never),
    );
    await h.store.write('system', (work) =>
      work.layers.seal(layerId as never, { virtualBytes: 0, storedBytes: 3 * gbBytes }),
    );
    assert.deepEqual((await h.call('usageGet')).body.stored_gb, { used: 3, limit: 10_000 });
    assert.equal((await h.call('usageGet', {}, h.keys.theirs)).body.stored_gb.used, 0);
    await h.service.reconciler.task('measure');
    assert.ok((await h.call('usageGet')).body.disks_gb > 0);
    assert.equal((await h.call('usageGet', {}, h.keys.theirs)).body.disks_gb, 0);
    await h.store.write('system', (work) => work.organisations.setQuotas(h.ours, { storedGb: 2 }));
    assert.match(
      (await capture()).body.message,
      /has 3\.\d+ GB stored, and the most is 2 .disks of machines/,
    );
  });

  it('counts deleted things until their bytes are gone, and the files of transfers while they exist', async (t) => {
    const h = await startHarness(t, { reconcile: false, settings: { keepImageMs: 0 } });
    const [id = 0] = h.machines;
    const { reconciler } = h.service;
    const used = async () => (await h.call('usageGet')).body.stored_gb.used;
    for (const name of ['machineStart', 'machineStop'] as const) {
      await h.call(name, { params: { id } });
      await reconciler.settle();
    }
    const image = Number((await h.call('imageCapture', { body: { machine_id: id } })).body.id);
    await reconciler.settle();
    const { layerId } = await h.store.read(h.ours, (work) => work.images.get(image as never));
    const grow = (gb: number) =>
      h.store.write('system', (work) =>
        work.layerCopies.update(localCopy(layerId as never), { storedBytes: gb * gbBytes }),
      );
    await grow(3);
    const { body } = await h.call('imageExport', { params: { id: image } });
    // While the file is written it may take as much as its layers, so the base is counted for it
    // too.
    assert.ok((await used()) >= 6, String(await used()));
    await h.store.write('system', (work) => work.organisations.setQuotas(h.ours, { storedGb: 8 }));
    assert.match(
      (await h.call('imageExport', { params: { id: image } })).body.message,
      /GB stored, 3 more are asked for/,
    );
    await reconciler.settle();
    const held = async () =>
      (await h.store.read(h.ours, (work) => work.transfers.get(body.id))).heldBytes;
    assert.ok((await held()) > 0 && (await used()) < 4);
    await h.store.write('system', (work) =>
      work.transfers.update(body.id, { heldBytes: 2 * gbBytes }),
    );
    assert.equal(await used(), 5);
    await h.call('transferDelete', { params: { id: body.id } });
    assert.equal(await used(), 5);
    await reconciler.task('collect');
    assert.equal(await used(), 3);

    const asked = (await h.call('imageImport', { body: { size_bytes: gbBytes } })).body;
    // The file, and the layer that is made of it.
    assert.equal(await used(), 5);
    assert.match(
      (await h.call('imageImport', { body: { size_bytes: 5 * gbBytes } })).body.message,
      /has 5 GB stored, 10 more are asked for, and the most is 8/,
    );
    await h.call('transferDelete', { params: { id: asked.id } });
    await h.call('imageDelete', { params: { id: image } });
    await h.store.write('system', (work) => work.machines.update(id as never, { diskId: null }));
    assert.equal(await used(), 4);
    await reconciler.task('collect');
    assert.equal(await used(), 3);
    const disks = await h.store.read('system', (work) => work.disks.list());
    for (const disk of disks)
      await h.store.write('system', (work) =>
        work.disks.update(disk.id, { state: 'deleting', deletingAt: 0 }),
      );
    for (const _ of [1, 2]) await reconciler.task('collect');
    assert.equal(await used(), 0);
  });

  it('promises uploads no more room than the host has, and lets an import take no more than is left', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    h.engine.setCapacity({ totalBytes: 10_000 * gbBytes, freeBytes: 10_000 * gbBytes });
    await h.service.reconciler.task('measure');
    await h.store.write('system', (work) =>
      work.organisations.setQuotas(h.ours, { storedGb: 100_000 }),
    );
    const open = (gb: number, as?: typeof h.keys.ours) =>
      h.call('imageImport', { body: { size_bytes: gb * gbBytes } }, as);
    const answers = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(() => open(4000)));
    assert.deepEqual(answers.filter(({ status }) => status === 200).length, 1);
    assert.match(
      answers.find(({ status }) => status === 503)?.body.message,
      /1500 GB are left on the host beside 8000 GB promised/,
    );
    assert.equal((await open(1000, h.keys.theirs)).status, 503);
    assert.equal((await open(700, h.keys.theirs)).status, 200);

    const text = JSON.stringify({ simulated: ['x'.repeat(1024 * 1024)], virtualBytes: gbBytes });
    const { id } = (await h.call('imageImport', { body: { size_bytes: text.length } })).body;
    const path = `${pathPrefix}/transfers/${id}/parts/0`;
    await h.send({
      method: 'POST',
      path,
      body: text,
      headers: { 'content-type': 'application/octet-stream' },
    });
    // The file takes 1 MB, and the layer that the simulator makes of it takes 5 MB.
    const storedGb = 8000 + 0.004;
    await h.store.write('system', (work) => work.organisations.setQuotas(h.ours, { storedGb }));
    const { body } = await h.call('transferFinish', { params: { id } });
    await h.service.reconciler.settle();
    const { attributes } = (await h.call('imageGet', { params: { id: body.id } })).body;
    assert.equal(attributes.status, 'failed');
    assert.match(attributes.status_reason, /takes more than the \d+ bytes that there is room for/);
  });
});
