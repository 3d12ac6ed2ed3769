// Images that are made of a machine's disk, and their generalisation.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DiskId } from '../../src/domain/ids.ts';
import { startHarness } from './harness.ts';
import { settled } from './settled.ts';

describe('imageCapture', () => {
  it('makes an image of a machine that is off, which is installing meanwhile and keeps its content', async (t) => {
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

describe('a capture that is generalised', () => {
  it('has one more layer and a report, and leaves the machine its own disk', async (t) => {
    const { h, id, does, machine, write } = await settled(t);
    await write('private');
    const plain = (await does('imageCapture', id, { machine_id: id })).attributes.id;
    assert.equal((await does('imageLog', plain)).report, null);
    const general = (await does('imageCapture', id, { machine_id: id, generalize: true }))
      .attributes.id;
    assert.match((await does('imageLog', general)).report, /simulated: The generalisation/);
    const [head, below] = (await does('imageStorage', general)).layers;
    const { diskId } = await machine();
    const disk = await h.store.read('system', (work) => work.disks.get(diskId as DiskId));
    assert.equal(disk.layerId, below.id);
    assert.notEqual(disk.layerId, head.id);

    await h.store.write('system', (work) => work.organisations.setGeneralize(h.ours, true));
    const byDefault = (await does('imageCapture', id, { machine_id: id })).attributes.id;
    assert.notEqual((await does('imageLog', byDefault)).report, null);
    const not = (await does('imageCapture', id, { machine_id: id, generalize: false })).attributes
      .id;
    assert.equal((await does('imageLog', not)).report, null);
  });
});
