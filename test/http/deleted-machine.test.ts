// Machines that are deleted, and that come back.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { call } from '../call.ts';
import { settled } from './settled.ts';

describe('a machine that is deleted', () => {
  it('must be off, is gone from all lists at once, and leaves its quota to another', async (t) => {
    const { h, id, does, write, settle } = await settled(t);
    await h.store.write('system', (work) => work.organisations.setQuotas(h.ours, { machines: 2 }));
    await does('machineStart', id);
    const refused = await does('machineDelete', id);
    assert.deepEqual([refused.client_code, /stop it/.test(refused.message)], [4209, true]);
    await does('machineStop', id);
    await write('kept');
    assert.equal((await h.call('machineDelete', { params: { id } }, h.keys.theirs)).status, 404);
    const body = { plan_id: h.machineType.id };
    assert.match((await h.call('machineCreate', { body })).body.message, /machines/);
    assert.equal((await does('machineDelete', id)).client_code, 200);
    const list = async (query = '') => (await h.call('machineList', { query })).body;
    for (const query of ['', '?q=Machine', '?status=off', '?has_session_data=true'])
      assert.ok(!(await list(query)).machines.some((one: { id: string }) => one.id === `${id}`));
    assert.deepEqual(
      [(await list()).count, (await list('?status=off')).count, (await list('?deleted=1')).count],
      [1, 1, 1],
    );
    assert.equal((await h.call('usageGet')).body.machines.used, 1);
    for (const name of ['machineGet', 'machineStart', 'machineStop', 'machineReset'] as const)
      assert.equal((await does(name, id)).client_code, 404, name);
    for (const name of ['machineDelete', 'machineRestore', 'machineDiskList'] as const)
      assert.equal((await does(name, id)).client_code, 404, name);
    assert.equal((await does('imageCapture', 0, { machine_id: id })).client_code, 404);
    assert.equal((await h.call('machineCreate', { body })).status, 200);
    await settle();
    assert.match((await does('machineUndelete', id)).message, /machines/, 'the quota is used up');
  });

  it('comes back with its disk, assignment, permissions and name, and only once', async (t) => {
    const { h, id, does, content, install, write } = await settled(t);
    await h.call('machinePermissionsSet', {
      params: { id },
      body: { permissions: { clipboard_enabled: false } },
    });
    const image = await install([h.editor.id]);
    await does('imageAssign', image, { machine_ids: [id] });
    await write('of its user');
    const before = (await does('machineGet', id)).attributes;
    const bytes = await content();
    await does('machineDelete', id);
    assert.deepEqual((await does('imageDependents', image)).machines, []);
    await does('imageDelete', image);
    assert.equal((await does('imageRestore', image)).count, 0);
    await h.service.reconciler.task('collect');
    assert.equal((await h.call('machineUndelete', { params: { id } }, h.keys.theirs)).status, 404);
    assert.deepEqual((await does('machineUndelete', id)).attributes.name, before.name);
    assert.deepEqual((await does('machineGet', id)).attributes, before);
    assert.deepEqual(await content(), bytes);
    assert.equal((await does('machineUndelete', id)).client_code, 404);
    assert.equal((await does('machineStart', id)).client_code, 200);
    assert.equal((await does('machineGet', id)).attributes.friendly_status, 'ready');
  });

  it('leaves a disk that is kept like a replaced one, and then nothing', async (t) => {
    const { h, id, does, write } = await settled(t, { settings: { keepDiskMs: 0 } });
    await write('of its user');
    await does('machineDelete', id);
    const [, other = 0] = h.machines;
    await does('machineDelete', other);
    await h.service.reconciler.task('collect');
    for (const gone of [id, other])
      assert.equal((await does('machineUndelete', gone)).client_code, 404);
    assert.equal((await h.call('machineList', { query: '?deleted=true' })).body.count, 0);
    assert.equal((await h.engine.inventory(call)).disks.size, 0);
  });

  it('cannot come back without its disk, which gives way to newer ones like any other', async (t) => {
    const { h, id, does, write } = await settled(t);
    await write('of its user');
    await does('machineDelete', id);
    const [disk] = await h.store.read('system', (work) => work.disks.kept());
    await h.store.write('system', async (work) => {
      await work.disks.update(disk?.id as never, { storedBytes: 2 ** 40 });
      await work.organisations.setQuotas(h.ours, { keptGb: 1 });
    });
    await h.service.reconciler.task('collect');
    assert.match((await does('machineUndelete', id)).message, /cannot|can be brought back/);
  });

  it('is told to listeners and in the audit trail, as deleted and as back', async (t) => {
    const { h, id, does } = await settled(t);
    await does('machineDelete', id);
    await does('machineUndelete', id);
    const told = await h.store.read(h.ours, (work) => work.events.after(0, 100));
    const statuses = told
      .filter(({ type, subject }) => type === 'machine.changed' && subject === String(id))
      .map(({ status, facts }) => [status, facts.operation]);
    assert.deepEqual(statuses[0], ['deleted', 'machineDelete']);
    assert.ok(statuses.some(([status, name]) => status === 'off' && name === 'machineUndelete'));
    const { logs } = (await h.call('userActionLogList')).body;
    assert.deepEqual(
      logs.map((one: { attributes: { action_type: string } }) => one.attributes.action_type),
      ['machine_undeleted', 'machine_deleted'],
    );
  });

  it('is opened by none of its links any more, also when it is back', async (t) => {
    const { h, id, does } = await settled(t);
    await does('machineStart', id);
    const { attributes } = (await h.call('machineAccess', { params: { id } })).body;
    const { pathname } = new URL(attributes.connection_link);
    await does('machineStop', id);
    await does('machineDelete', id);
    const open = () => h.service.app.inject({ method: 'POST', url: pathname });
    assert.equal((await open()).statusCode, 404);
    await does('machineUndelete', id);
    await does('machineStart', id);
    assert.equal((await open()).statusCode, 404);
  });

  it('comes back while the job that ends what runs of it waits, and starts after it', async (t) => {
    const { h, id, does, settle, write } = await settled(t);
    await write('of its user');
    await h.call('machineDelete', { params: { id } });
    const back = await h.call('machineUndelete', { params: { id } });
    assert.equal(back.body.attributes.friendly_status, 'turning_off');
    assert.equal((await h.call('machineStart', { params: { id } })).body.client_code, 4201);
    assert.equal((await h.call('machineDelete', { params: { id } })).body.client_code, 4209);
    await settle();
    assert.equal((await does('machineStart', id)).client_code, 200);
    assert.equal((await does('machineGet', id)).attributes.friendly_status, 'ready');
  });

  it('runs on no engine: a process that is left of it is ended, whenever it is seen', async (t) => {
    const { h, id, does, write, machine } = await settled(t);
    await write('of its user');
    const { diskId } = await machine();
    const start = () =>
      h.engine.startMachine(
        {
          ...{ machineId: id as MachineId, diskId: diskId as never, name: 'left over', cpus: 1 },
          ...{ memoryMb: 512, fresh: false, boot: { mode: 'bios' }, chain: [] },
          baseLayerId: h.base.layerId,
        },
        call,
      );
    await start();
    await does('machineDelete', id);
    assert.equal((await h.engine.runningMachines(call)).size, 0);
    await start();
    await h.service.reconciler.task('observe');
    assert.equal((await h.engine.runningMachines(call)).size, 0);
  });

  it('is one of the two when it is deleted and started, assigned or captured at once', async (t) => {
    const { h, id, does, install, settle, write } = await settled(t);
    const image = await install([]);
    await write('of its user');
    const rivals = [
      ['machineStart', { params: { id } }],
      ['imageAssign', { params: { id: image }, body: { machine_ids: [id] } }],
      ['imageCapture', { body: { machine_id: id } }],
      ['machineDelete', { params: { id } }],
    ] as const;
    for (const [name, input] of rivals) {
      const [gone, other] = await Promise.all([
        h.call('machineDelete', { params: { id } }),
        h.call(name, input),
      ]);
      const codes = [gone.body.client_code, other.body.client_code];
      assert.ok(codes.includes(200), `${name}: ${codes}`);
      await settle();
      if (codes[0] === 200 || name === 'machineDelete') {
        assert.equal((await does('machineGet', id)).client_code, 404, name);
        assert.equal((await does('machineUndelete', id)).client_code, 200, name);
      } else assert.equal(codes[0], 4209, name);
      await does('machineStop', id);
    }
  });
});
