// Jobs: the rules of the queue.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageId, JobId, MachineId } from '../../../src/domain/ids.ts';
import { claimed, testClaims, update } from './claim.ts';
import { type MakeWorld, tenOfEach } from './world.ts';

function testQueue(make: MakeWorld) {
  it('has at most one open job for a machine and for an image', async (t) => {
    const world = await make(t);
    const [machineId, { id: imageId }] = [await world.machine(), await world.image()];
    const organisationId = world.ours;
    await world.job({ kind: 'machineStart', organisationId, machineId });
    const install = await world.job({ kind: 'imageInstall', organisationId, imageId });
    const refused = { code: 'internal' };
    await assert.rejects(world.job({ kind: 'machineStop', organisationId, machineId }), refused);
    await assert.rejects(world.job({ kind: 'imageExport', organisationId, imageId }), refused);
    await update(world, await claimed(world, install, 'owner'), { state: 'failed' });
    await world.job({ kind: 'imageExport', organisationId, imageId });
  });

  it('adds all jobs of a call or none', async (t) => {
    const world = await make(t);
    const machineId = await world.machine();
    const other = await world.machine();
    const job = { kind: 'machineStop', organisationId: world.ours } as const;
    await assert.rejects(
      world.write((work) =>
        work.jobs.enqueue([
          { ...job, machineId: other },
          { ...job, machineId },
          { ...job, machineId },
        ]),
      ),
    );
    assert.deepEqual(await world.read((work) => work.jobs.open(10)), []);
    await world.write((work) => work.jobs.enqueue([]));
  });

  it('lists open jobs oldest first, and no more than asked for', async (t) => {
    const world = await make(t);
    const ids = [await world.machineJob(), await world.machineJob(), await world.machineJob()];
    const open = (limit: number) =>
      world.read(async (work) => (await work.jobs.open(limit)).map(({ id }) => id));
    assert.deepEqual(await open(10), ids);
    assert.deepEqual(await open(2), ids.slice(0, 2));
  });

  it('is due at its time, and also when its time is further away than any delay', async (t) => {
    const world = await make(t);
    const id = await world.machineJob();
    const waits = async (ms: number) => {
      const job = await claimed(world, id, 'owner');
      const change = { state: 'queued', leaseOwner: null, leaseUntil: null } as const;
      await world.write((work) =>
        work.jobs.fencedUpdate(job, { ...change, notBefore: world.now() + ms }),
      );
    };
    const isDue = async () =>
      (await world.read((work) => work.jobs.due(tenOfEach, 5000))).length === 1;
    const isRunning = async () => (await world.read((work) => work.jobs.running())).length === 1;
    await waits(100);
    assert.deepEqual([await isDue(), await isRunning()], [false, false]);
    assert.equal(await world.read((work) => work.jobs.nextDue()), world.now() + 100);
    world.advance(100);
    assert.equal(await isDue(), true);
    await waits(5001);
    assert.equal(await isDue(), true);
    const { leaseUntil, kind, organisationId } = await claimed(world, id, 'owner');
    world.advance(60_000);
    assert.deepEqual(await world.read((work) => work.jobs.running()), [
      { id, kind, organisationId, leaseUntil, cancelRequestedAt: null },
    ]);
  });

  it('is due however many jobs of another kind or another organisation wait before it', async (t) => {
    const world = await make(t);
    for (let count = 0; count < 12; count++) await world.machineJob();
    const { id: imageId } = await world.image();
    const build = await world.job({ kind: 'imageInstall', organisationId: world.ours, imageId });
    const machineId = await world.machine(world.theirs);
    const start = { kind: 'machineStart', organisationId: world.theirs, machineId } as const;
    const theirs = await world.job(start);
    const due = await world.read((work) => work.jobs.due(tenOfEach, 5000));
    const ids = due.map(({ id }) => id);
    assert.ok(ids.includes(build) && ids.includes(theirs));
    assert.equal(ids.length, 5 + 2, 'each of two organisations has half of the room');
  });

  it('is due in the order in which it came, as many as there is room for', async (t) => {
    const world = await make(t);
    const ids: JobId[] = [];
    for (let count = 0; count < 5; count++) ids.push(await world.machineJob());
    const job = await claimed(world, ids[0] as JobId, 'owner');
    world.advance(1);
    await world.write((work) =>
      work.jobs.fencedUpdate(job, {
        ...{ state: 'queued', leaseOwner: null, leaseUntil: null, notBefore: world.now() },
      }),
    );
    const due = (room: Partial<typeof tenOfEach>) =>
      world.read(async (work) => (await work.jobs.due(room, 5000)).map(({ id }) => id));
    const [retried, ...others] = ids;
    assert.deepEqual(await due({ machineStart: 4 }), others);
    assert.deepEqual(await due(tenOfEach), [...others, retried]);
    assert.deepEqual(await due({ imageInstall: 3 }), []);
    assert.deepEqual(await due({}), []);
  });

  it('is cancelled with its image while it is queued, but not while it runs', async (t) => {
    const world = await make(t);
    const { id: imageId } = await world.image();
    const cancel = () => world.write((work) => work.jobs.cancelOfImage(imageId));
    assert.equal(await cancel(), undefined);
    const job = { kind: 'imageInstall', organisationId: world.ours, imageId } as const;
    const first = await world.job(job);
    assert.equal((await cancel())?.id, first);
    assert.equal((await world.read((work) => work.jobs.get(first))).state, 'cancelled');
    await claimed(world, await world.job(job), 'owner');
    await assert.rejects(cancel(), { code: 'image_building' });
  });

  it('is listed when it runs and is to end, and is due at once when it waits', async (t) => {
    const world = await make(t);
    const [runs, waits] = [await world.machineJob(), await world.machineJob()];
    const toCancel = async () =>
      (await world.read((work) => work.jobs.running()))
        .filter(({ cancelRequestedAt }) => cancelRequestedAt !== null)
        .map(({ id }) => id);
    const cancel = (id: JobId) => world.write((work) => work.jobs.requestCancel(id));
    const late = await claimed(world, waits, 'owner');
    await world.write((work) =>
      work.jobs.fencedUpdate(late, { state: 'queued', notBefore: world.now() + 4000 }),
    );
    await claimed(world, runs, 'owner');
    assert.deepEqual(await toCancel(), []);
    await cancel(runs);
    await cancel(waits);
    assert.deepEqual(await toCancel(), [runs]);
    assert.equal(await world.read((work) => work.jobs.nextDue()), world.now());
    const [first] = [world.now(), world.advance(100), await cancel(waits)];
    assert.equal((await claimed(world, waits, 'owner')).cancelRequestedAt, first);
  });

  it('is forgotten when it ended long ago, and never while it is open', async (t) => {
    const world = await make(t);
    const [ended, open] = [await world.machineJob(), await world.machineJob()];
    await update(world, await claimed(world, ended, 'owner'), { state: 'done' });
    world.advance(100);
    await world.write((work) => work.jobs.prune(world.now()));
    await assert.rejects(
      world.read((work) => work.jobs.get(ended)),
      { code: 'internal' },
    );
    assert.equal((await world.read((work) => work.jobs.get(open))).state, 'queued');
  });

  it('is found by any number of ids', async (t) => {
    const world = await make(t);
    const id = await world.machineJob();
    const { machineId } = await world.read((work) => work.jobs.get(id));
    const many = Array.from({ length: 50_000 }, (_, index) => 1_000_000 + index);
    const found = await world.read((work) =>
      work.jobs.ofMachines([...(many as MachineId[]), machineId as MachineId]),
    );
    assert.deepEqual(
      found.map((job) => job.id),
      [id],
    );
    assert.deepEqual(await world.read((work) => work.jobs.ofImages(many as ImageId[])), []);
    assert.deepEqual(await world.read((work) => work.jobs.ofImages([])), []);
  });

  it('is reported missing where a status needs a job', async (t) => {
    const world = await make(t);
    const { id: imageId } = await world.image();
    const machineId = await world.machine();
    const transferId = await world.transfer(world.ours, { status: 'building' });
    await world.write((work) => work.machines.update(machineId, { status: 'turning_on' }));
    const abandoned = () => world.read((work) => work.jobs.abandoned());
    assert.deepEqual(await abandoned(), {
      transfers: [transferId],
      images: [imageId],
      machines: [machineId],
    });
    const organisationId = world.ours;
    await world.job({ kind: 'imageImport', organisationId, imageId, transferId });
    await world.job({ kind: 'machineStart', organisationId, machineId });
    assert.deepEqual(await abandoned(), { transfers: [], images: [], machines: [] });
  });
}

export const testJobs = (make: MakeWorld) =>
  describe('a job', () => {
    testClaims(make);
    testQueue(make);
  });
