// Machines, their types and their disks, and an organisation's counts and quotas of them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MachineId } from '../../../src/domain/ids.ts';
import { defaultQuotas } from '../../../src/domain/organisation.ts';
import { testSearch } from './image.ts';
import type { MakeWorld, World } from './world.ts';

const search = (world: World, q: string) =>
  world.read(async (work) => {
    const { machines, count } = await work.machines.list({ page: 1, perPage: 100, q });
    assert.equal(count, machines.length);
    return machines.map(({ name }) => name).sort();
  });

function testRows(make: MakeWorld) {
  testSearch(make, (world, name) => world.machine(world.ours, name), search);

  it('is listed newest first, by its status and by whether it has a disk', async (t) => {
    const world = await make(t);
    const ids: MachineId[] = [];
    for (let index = 0; index < 5; index++) ids.unshift(await world.machine());
    const [last, , middle] = ids;
    assert.ok(last !== undefined && middle !== undefined);
    const layerId = await world.layer();
    const disks = [await world.disk(middle, layerId), await world.disk(last, layerId)];
    await world.write(async (work) => {
      await work.machines.update(middle, { status: 'ready', diskId: disks[0] ?? null });
      await work.machines.update(last, { diskId: disks[1] ?? null });
    });
    const list = (filter: object) =>
      world.read(async (work) => {
        const { machines, count } = await work.machines.list({ page: 1, perPage: 9, ...filter });
        return { ids: machines.map(({ id }) => id), count };
      });
    assert.deepEqual(await list({}), { ids, count: 5 });
    assert.deepEqual(await list({ page: 2, perPage: 2 }), { ids: ids.slice(2, 4), count: 5 });
    assert.deepEqual(await list({ page: 9 }), { ids: [], count: 5 });
    assert.deepEqual(await list({ status: 'ready' }), { ids: [middle], count: 1 });
    assert.deepEqual(await list({ hasSessionData: true }), { ids: [last, middle], count: 2 });
    assert.equal((await list({ hasSessionData: false })).count, 3);
  });

  it('is found among any number of ids; one unknown id refuses all', async (t) => {
    const world = await make(t);
    const ids: MachineId[] = [];
    for (let index = 0; index < 3; index++) ids.push(await world.machine());
    const found = await world.read((work) => work.machines.getMany(ids.toReversed()));
    assert.deepEqual(
      found.map(({ id }) => id),
      ids,
    );
    const many = Array.from({ length: 50_000 }, (_, index) => (1_000_000 + index) as MachineId);
    await assert.rejects(
      world.read((work) => work.machines.getMany([...ids, ...many])),
      { code: 'machines_not_found', message: /^50000 of 50003 .*\(1000000, .*, …\)/ },
    );
    await world.write((work) => work.machines.updateMany([...ids, ...many], { cpus: 9 }));
    const all = await world.read((work) => work.machines.all());
    assert.deepEqual(
      all.map(({ cpus }) => cpus),
      [9, 9, 9],
    );
  });

  it('is shown without an assignment whose image is deleted, and has it again after', async (t) => {
    const world = await make(t);
    const id = await world.machine();
    const imageId = await world.imageOn(await world.layer());
    await world.write((work) => work.machines.assign([id], imageId));
    const shown = async () => {
      const machine = await world.read((work) => work.machines.get(id));
      return [machine.assignedImageId, machine.assignmentPendingAt, machine.lostPendingAt];
    };
    const at = world.now();
    assert.deepEqual(await shown(), [imageId, at, null]);
    await world.write((work) => work.images.update(imageId, { deletedAt: at }));
    assert.deepEqual(await shown(), [null, null, at]);
    await world.write((work) => work.images.update(imageId, { deletedAt: null }));
    assert.deepEqual(await shown(), [imageId, at, null]);
  });

  it('keeps the time of its first pause, and is not noted as off while a job works on it', async (t) => {
    const world = await make(t);
    const [first, second] = [await world.machine(), await world.machine()];
    await world.write((work) => work.machines.updateMany([first, second], { status: 'ready' }));
    const pausedAt = async () =>
      (await world.read((work) => work.machines.all())).map((machine) => machine.pausedAt);
    const at = world.now();
    await world.write((work) => work.machines.setPaused([first]));
    world.advance(10);
    await world.write((work) => work.machines.setPaused([first, second]));
    assert.deepEqual(await pausedAt(), [at, at + 10]);
    await world.write((work) => work.machines.setPaused([]));
    assert.deepEqual(await pausedAt(), [null, null]);
    const organisationId = world.ours;
    await world.job({ kind: 'machineStop', organisationId, machineId: second });
    await world.write((work) => work.machines.setOff([first, second], 'it went off'));
    const all = await world.read((work) => work.machines.all());
    assert.deepEqual(
      all.map(({ status }) => status),
      ['off', 'ready'],
    );
  });

  it('keeps where a machine is, and that its host is away only while it is on', async (t) => {
    const world = await make(t);
    const [first, second] = [await world.machine(), await world.machine()];
    await world.write((work) => work.machines.updateMany([first, second], { status: 'ready' }));
    const awayAt = world.now();
    const away = { place: 'two', awayAt };
    await world.write((work) => work.machines.updateMany([first, second], away));
    await world.write((work) => work.machines.update(second, { status: 'off' }));
    const seen = await world.read((work) => work.machines.all());
    assert.deepEqual(
      seen.map((one) => [one.place, one.awayAt]),
      [
        ['two', awayAt],
        ['two', null],
      ],
    );
    const expected = { diskId: null, place: 'two', awayAt };
    assert.deepEqual(await world.read((work) => work.machines.places()), [
      { id: first, ...expected },
      { id: second, ...expected },
    ]);
  });

  it('keeps only the last console', async (t) => {
    const world = await make(t);
    const id = await world.machine();
    const shown = () => world.read((work) => work.machines.console(id));
    assert.equal(await shown(), undefined);
    for (const text of ['first', 'second'])
      await world.write((work) => work.machines.keepConsole(id, text));
    assert.deepEqual(await shown(), { shown: 'second', keptAt: world.now() });
  });
}

function testDisks(make: MakeWorld) {
  it('has its disks listed newest first, without disks that are being removed', async (t) => {
    const world = await make(t);
    const [machineId, layerId] = [await world.machine(), await world.layer()];
    const old = await world.disk(machineId, layerId);
    world.advance(1);
    const young = await world.disk(machineId, layerId);
    const fresh = await world.disk(machineId, layerId, { state: 'fresh' });
    await world.write((work) => work.disks.keep(old, 100));
    const ids = await world.read(async (work) =>
      (await work.disks.ofMachine(machineId)).map(({ id }) => id),
    );
    assert.deepEqual(ids, [young, old]);
    await world.write((work) => work.disks.markDeleting());
    assert.deepEqual(
      (await world.read((work) => work.disks.deleting(world.now()))).map(({ id }) => id),
      [fresh],
    );
    await world.write((work) => work.disks.releaseKept(world.now() + 99));
    assert.equal((await world.read((work) => work.disks.kept())).length, 1);
    await world.write((work) => work.disks.releaseKept(world.now() + 100));
    assert.deepEqual(await world.read((work) => work.disks.kept()), []);
    assert.deepEqual(
      (await world.read((work) => work.disks.list())).map(({ id }) => id),
      [young],
    );
  });

  it('keeps its own disk that was marked for removal; only marked rows are removed', async (t) => {
    const world = await make(t);
    const machineId = await world.machine();
    const id = await world.disk(machineId, await world.layer());
    await world.write((work) => work.disks.remove(id));
    await world.write(async (work) => {
      await work.machines.update(machineId, { diskId: id });
      await work.disks.update(id, { state: 'deleting', deletingAt: work.now() });
      await work.disks.takeUp();
    });
    assert.equal((await world.read((work) => work.disks.get(id))).state, 'active');
    await world.write(async (work) => {
      await work.machines.update(machineId, { diskId: null });
      await work.disks.update(id, { state: 'deleting', deletingAt: work.now() });
      await work.disks.remove(id);
    });
    assert.equal(await world.read((work) => work.disks.find(id)), undefined);
    await assert.rejects(
      world.read((work) => work.disks.get(id)),
      { code: 'internal' },
    );
  });
}

function testUsage(make: MakeWorld) {
  it('counts for its organisation, as do images, builds, disks and files', async (t) => {
    const world = await make(t);
    const { ours } = world;
    const names = ['images', 'machines', 'builds', 'disksGb', 'keptGb', 'memoryMb'] as const;
    const usage = () =>
      world.read(
        async ({ usage: one }) => ({
          ...(await one.of(names)).used,
          storedBytes: await one.storedBytes(),
        }),
        ours,
      );
    const sizes = { disksGb: 0, keptGb: 0, memoryMb: 0, storedBytes: 0 };
    const none = { images: 0, machines: 0, builds: 0, ...sizes };
    assert.deepEqual(await usage(), none);
    const layerId = await world.layer({ organisationId: ours, storedBytes: 7 });
    await world.layer({ storedBytes: 1000 });
    const machineId = await world.machine();
    const [own, kept] = [
      await world.disk(machineId, layerId),
      await world.disk(machineId, layerId),
    ];
    await world.imageOn(layerId);
    const { id: imageId } = await world.image();
    await world.job({ kind: 'imageInstall', organisationId: ours, imageId });
    await world.job({ kind: 'machineStop', organisationId: ours, machineId });
    await world.transfer(ours, { bytes: 5, heldBytes: 5, receivedBytes: 3 });
    await world.write(async (work) => {
      await work.disks.update(own, { storedBytes: 2 ** 30 });
      await work.disks.update(kept, { storedBytes: 2 ** 29 });
      await work.disks.keep(kept, 1);
    });
    await world.write((work) => work.machines.update(machineId, { status: 'turning_on' }));
    // The upload counts twice: its file, and the layer that is made of it.
    const storedBytes = 7 + 2 ** 30 + 2 ** 29 + 2 * 5;
    const held = { disksGb: 1, keptGb: 0.5, memoryMb: 512, storedBytes };
    const counted = { ...held, images: 2, machines: 1, builds: 1 };
    assert.deepEqual(await usage(), counted);
    await world.write((work) => work.images.update(imageId, { deletedAt: work.now() }));
    assert.deepEqual(await usage(), { ...counted, images: 1 });
  });

  it('has quotas of its organisation, with defaults for unset quotas', async (t) => {
    const world = await make(t);
    const quotas = () =>
      world.read((work) => work.usage.of([]), world.ours).then(({ quotas }) => quotas);
    assert.deepEqual(await quotas(), defaultQuotas);
    await world.write(async (work) => {
      await work.organisations.setQuotas(world.ours, { images: 3 });
      await work.organisations.setGeneralize(world.ours, true);
    });
    assert.deepEqual(await quotas(), { ...defaultQuotas, images: 3 });
    assert.equal(await world.read((work) => work.usage.generalizes(), world.ours), true);
    assert.equal(await world.read((work) => work.usage.generalizes(), world.theirs), false);
    await assert.rejects(
      world.read((work) => work.usage.of(['images'])),
      TypeError,
    );
  });
}

export const testMachines = (make: MakeWorld) =>
  describe('a machine', () => {
    testRows(make);
    testDisks(make);
    testUsage(make);
  });
