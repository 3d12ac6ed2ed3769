// Machines: how they are made, reset and listed.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { call } from '../call.ts';
import { waitFor } from '../support.ts';
import { startHarness } from './harness.ts';

describe('machineCreate', () => {
  it('makes machines of a machine type, and an image of the software that is assigned to them', async (t) => {
    const h = await startHarness(t);
    const { body } = await h.call('machineCreate', {
      body: {
        plan_id: h.machineType.id,
        quantity: 3,
        software_ids: [h.editor.id],
        permissions: { clipboard_enabled: false },
      },
    });
    assert.equal(body.count, 3);
    assert.equal(body.silver_image.attributes.source, 'pre_installation');
    await h.imageSettled(body.silver_image.attributes.id);
    const [machine] = body.machines;
    assert.equal(machine.attributes.permissions.clipboard_enabled, false);
    await h.call('machineStart', { params: { id: machine.id } });
    assert.equal(
      (await h.machineIs(machine.attributes.id, 'ready')).assigned_image_id,
      body.silver_image.attributes.id,
    );
  });

  it('takes the ids of the list of machine types', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { status, body } = await h.call('planList');
    assert.equal(status, 200);
    const [type] = body.plans;
    assert.deepEqual([typeof type.id, type.type], ['string', 'plan']);
    const { name, machine_type: code, cpus, memory_mb: memory, disk_size: disk } = type.attributes;
    const stored = await h.store.read('system', (work) =>
      work.machineTypes.get(Number(type.id) as never),
    );
    const { name: storedName, code: storedCode, cpus: storedCpus, memoryMb, diskSizeGb } = stored;
    assert.deepEqual(
      [name, code, cpus, memory, disk],
      [storedName, storedCode, storedCpus, memoryMb, diskSizeGb],
    );
    const made = await h.call('machineCreate', { body: { plan_id: Number(type.id) } });
    assert.equal(made.body.machines[0].attributes.disk_size, disk);
  });

  it('refuses wrong values, and then makes nothing', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const create = async (body: unknown) =>
      (await h.call('machineCreate', { body })).body.client_code;
    assert.equal(await create({}), 400);
    assert.equal(await create({ plan_id: h.machineType.id, quantity: 101 }), 400);
    assert.equal(
      await create({ plan_id: h.machineType.id, permissions: { unheard_of: true } }),
      400,
    );
    assert.equal(await create({ plan_id: 99 }), 404);
    assert.equal(await create({ plan_id: h.machineType.id, software_ids: [99] }), 404);
    assert.equal((await h.call('machineList')).body.count, 2);
  });

  it('makes machines that cannot start before their image is available, and say so', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { body } = await h.call('machineCreate', {
      body: { plan_id: h.machineType.id, base_image_id: h.base.id },
    });
    const start = await h.call('machineStart', { params: { id: body.machines[0].id } });
    assert.equal(start.body.client_code, 4201);
    assert.match(start.body.message, /available/);
  });
});

describe('machineReset', () => {
  it('keeps the disk aside, so that the next start makes a new one', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    const diskOf = async () =>
      (await h.store.read('system', (work) => work.machines.get(id as never))).diskId;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    assert.deepEqual((await h.call('machineReset', { params: { id } })).body.client_code, 400);
    await h.call('machineStop', { params: { id } });
    await h.machineIs(id, 'off');
    const before = await diskOf();
    assert.equal((await h.call('machineReset', { params: { id } })).status, 200);
    assert.equal(await diskOf(), null);
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    assert.notEqual(await diskOf(), before);
    const states = (await h.store.read('system', (work) => work.disks.ofMachine(id as never))).map(
      (disk) => disk.state,
    );
    assert.deepEqual(states, ['active', 'kept']);
  });

  it('leads to the removal of the kept disk when its time is over', async (t) => {
    const h = await startHarness(t, { settings: { keepDiskMs: 0 } });
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    await h.call('machineStop', { params: { id } });
    await h.machineIs(id, 'off');
    await h.call('machineReset', { params: { id } });
    await waitFor('the disk is gone', async () => {
      await h.service.reconciler.task('collect');
      return (await h.engine.inventory(call)).disks.size === 0;
    });
  });
});

describe('machineList', () => {
  it('filters by name and state', async (t) => {
    const h = await startHarness(t);
    await h.addMachine(h.ours, 'Render node');
    const count = async (query: string) => (await h.call('machineList', { query })).body.count;
    assert.equal(await count(''), 3);
    assert.equal(await count('?q=render'), 1);
    assert.equal(await count('?status=off'), 3);
    assert.equal(await count('?status=ready'), 0);
    assert.equal((await h.call('machineList', { query: '?status=asleep' })).body.client_code, 400);
  });

  it('filters by each status that is shown, through the index of the organisation', async (t) => {
    const statements: string[] = [];
    const h = await startHarness(t, { reconcile: false, onQuery: (sql) => statements.push(sql) });
    const [id = 0] = h.machines;
    const on = { status: 'ready', pausedAt: 1 } as const;
    await h.store.write('system', (work) => work.machines.update(id as MachineId, on));
    const found = async (status: string) => {
      const { body } = await h.call('machineList', { query: `?status=${status}` });
      return [body.count, ...body.machines.map((one: { id: string }) => Number(one.id))];
    };
    assert.deepEqual(await found('ready'), [0]);
    statements.length = 0;
    assert.deepEqual(await found('warming_up'), [1, id]);
    const database = new DatabaseSync(join(h.dataDir, 'silversmith.db'));
    t.after(() => database.close());
    const filters = statements.filter((sql) => sql.includes('warming_up'));
    assert.equal(filters.length, 2, 'a page and its count');
    for (const sql of filters) {
      const rows = database.prepare(`explain query plan ${sql}`).all();
      const plan = rows.map(({ detail }) => String(detail)).join('; ');
      assert.match(plan, /SEARCH machine USING INDEX machine_live \(organisation_id=\?\)/, sql);
      assert.doesNotMatch(plan, /TEMP B-TREE|SCAN/, sql);
    }
  });

  it('filters by user and by minutes left, although there are no users and nothing is metered', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { body: image } = await h.call('imageInstall');
    await h.service.reconciler.settle();
    await h.call('imageAssign', {
      params: { id: image.id },
      body: { machine_ids: [h.machines[0]] },
    });
    const list = async (query: string) => {
      const { count, machines, page, next_page } = (await h.call('machineList', { query })).body;
      assert.equal(machines.length, count);
      assert.deepEqual([page, next_page], [1, null]);
      return count;
    };
    assert.deepEqual([await list('?assigned=true'), await list('?assigned=false')], [0, 2]);
    assert.deepEqual(
      [await list('?time_left=0'), await list('?time_left=1'), await list('?time_left=60')],
      [2, 0, 0],
    );
    assert.equal((await h.call('machineList', { query: '?time_left=-1' })).status, 400);
  });

  it('filters by whether there was a session since the last reset', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { reconciler } = h.service;
    const [id = 0, other = 0] = h.machines;
    const ids = async (has: boolean) => {
      const { machines } = (await h.call('machineList', { query: `?has_session_data=${has}` }))
        .body;
      return machines.map((one: { attributes: { id: number } }) => one.attributes.id).sort();
    };
    const does = async (
      name: 'machineStart' | 'machineStop' | 'machineReset' | 'machineRestore',
    ) => {
      assert.equal((await h.call(name, { params: { id } })).status, 200);
      await reconciler.settle();
      return [await ids(true), await ids(false)];
    };
    const [none, one] = [
      [[], [id, other]],
      [[id], [other]],
    ];
    assert.deepEqual([await ids(true), await ids(false)], none);
    assert.deepEqual(await does('machineStart'), one);
    assert.deepEqual(await does('machineStop'), one);
    assert.deepEqual(await does('machineReset'), none);
    // The time of the last session stays, and with its disk the machine is found again.
    assert.notEqual(
      (await h.call('machineGet', { params: { id } })).body.attributes.last_session_start_at,
      null,
    );
    assert.deepEqual(await does('machineRestore'), one);
  });
});
