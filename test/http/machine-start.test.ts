// Machines that start and stop.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Engine } from '../../src/engine/port/engine.ts';
import { call } from '../call.ts';
import { large, startHarness } from './harness.ts';

describe('machineStart and machineStop', () => {
  it('start and stop a machine, and do nothing a second time', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    for (const _ of [1, 2])
      assert.equal((await h.call('machineStart', { params: { id } })).status, 200);
    assert.ok((await h.machineIs(id, 'ready')).last_session_start_at);
    assert.equal((await h.call('machineStart', { params: { id } })).status, 200);
    for (const gracefully of [true, false])
      assert.equal(
        (await h.call('machineStop', { params: { id }, body: { gracefully } })).status,
        200,
      );
    await h.machineIs(id, 'off');
    assert.equal((await h.call('machineStop', { params: { id } })).status, 200);
  });

  it('show the first start as creating and later ones as turning_on', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    assert.equal(
      (await h.call('machineGet', { params: { id } })).body.attributes.friendly_status,
      'creating',
    );
    assert.equal((await h.call('machineStop', { params: { id } })).body.client_code, 4201);
    h.service.reconciler.start();
    await h.machineIs(id, 'ready');
    await h.call('machineStop', { params: { id } });
    await h.machineIs(id, 'off');
    await h.service.reconciler.stop();
    await h.call('machineStart', { params: { id } });
    assert.equal(
      (await h.call('machineGet', { params: { id } })).body.attributes.friendly_status,
      'turning_on',
    );
  });

  it('show the first start after an assignment as installing, with a disk and without one', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { reconciler } = h.service;
    const { body: image } = await h.call('imageInstall');
    const input = { plan_id: h.machineType.id, base_image_id: h.base.id };
    const { machines } = (await h.call('machineCreate', { body: input })).body;
    const [assigned = 0, created] = [h.machines[0], machines[0].attributes.id];
    await reconciler.settle();
    await h.call('imageAssign', { params: { id: image.id }, body: { machine_ids: [assigned] } });
    const started = async (id: number) => {
      await h.call('machineStart', { params: { id } });
      const { friendly_status: status } = (await h.call('machineGet', { params: { id } })).body
        .attributes;
      await reconciler.settle();
      await h.call('machineStop', { params: { id } });
      await reconciler.settle();
      return status;
    };
    for (const id of [assigned, created]) {
      assert.equal(await started(id), 'installing');
      assert.equal(await started(id), 'turning_on');
      // After a reset it starts from the assigned image again.
      await h.call('machineReset', { params: { id } });
      assert.equal(await started(id), 'installing');
    }
  });

  it('leave a machine that cannot start off, with the reason', async (t) => {
    const h = await startHarness(t, { settings: { readyMs: 20 } });
    const never = await h.addMachine(h.ours, 'sim-never-ready');
    await h.call('machineStart', { params: { id: never.id } });
    const off = await h.machineIs(never.id, 'off');
    assert.match(off.status_reason, /not ready within/);
    assert.equal((await h.engine.runningMachines(call)).size, 0);
    assert.deepEqual(
      (await h.store.read('system', (work) => work.machines.get(never.id))).diskId,
      null,
    );
  });

  it('make a machine ready with a note when its fresh disk could not get an identity of its own', async (t) => {
    const wrapEngine = (engine: Engine): Engine => ({
      ...engine,
      machineState: async () => 'copy',
    });
    const h = await startHarness(t, { wrapEngine });
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    assert.match(
      (await h.machineIs(id, 'ready')).status_reason,
      /has the identity .* of what its disk was made from/,
    );
  });

  it('show a machine as off when its guest has powered itself off', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    await h.engine.powerOff(id as never);
    await h.service.reconciler.task('observe');
    assert.match((await h.machineIs(id, 'off')).status_reason, /by itself/);
  });

  it('leave a machine off that was switched off while the engine listed its machines', async (t) => {
    let meanwhile = async () => {};
    const wrapEngine = (engine: Engine): Engine => ({
      ...engine,
      vitals: {
        async look(call) {
          const listed = (await engine.vitals?.look(call)) ?? new Map();
          await meanwhile();
          return listed;
        },
      },
    });
    const h = await startHarness(t, { wrapEngine });
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    // The task reads the store before the stop is done, and a list from before the stop.
    const asked = Promise.withResolvers<void>();
    meanwhile = async () => {
      asked.resolve();
      await h.machineIs(id, 'off');
    };
    await h.store.write('system', (work) =>
      work.machines.update(id as never, { status: 'turning_off' }),
    );
    const observing = h.service.reconciler.task('observe');
    await asked.promise;
    await h.engine.powerOff(id as never);
    await h.store.write('system', (work) => work.machines.update(id as never, { status: 'off' }));
    await observing;
    assert.equal(
      (await h.call('machineGet', { params: { id } })).body.attributes.friendly_status,
      'off',
    );
  });
});

describe('machineStart with a type or a region', () => {
  it('starts the machine with the type and in the region that are named', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    const { id: typeId } = await h.store.write('system', (work) => work.machineTypes.add(large));
    const start = (body: object) => h.call('machineStart', { params: { id }, body });
    assert.equal((await start({ machine_type_id: 99 })).body.client_code, 404);
    assert.equal((await start({ machine_type_id: typeId, region: 'lab' })).status, 200);
    const { machine_type, region, disk_size } = await h.machineIs(id, 'ready');
    assert.deepEqual([machine_type, region, disk_size], ['large', 'lab', 20]);
    // It is on, so nothing changes.
    assert.equal((await start({ region: 'elsewhere' })).status, 200);
    assert.equal((await h.call('machineGet', { params: { id } })).body.attributes.region, 'lab');
  });
});
