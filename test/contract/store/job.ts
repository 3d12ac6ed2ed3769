// Jobs: claims, fences, late owners, and the rules of the queue.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageId, JobId, MachineId } from '../../../src/domain/ids.ts';
import type { Job } from '../../../src/domain/job.ts';
import { LeaseLost } from '../../../src/store/port/job.ts';
import { type MakeWorld, tenOfEach, type World } from './world.ts';

async function claimed(world: World, id: JobId, owner: string): Promise<Job> {
  const job = await world.claim(id, owner);
  assert.ok(job, `${owner} gets the job`);
  return job;
}

const update = (world: World, job: Job, change: { phase?: string; state?: Job['state'] }) =>
  world.write((work) => work.jobs.fencedUpdate(job, change));

function testClaims(make: MakeWorld) {
  it('is claimed by only one of many owners that try at once', async (t) => {
    const world = await make(t);
    const id = await world.machineJob();
    const owners = Array.from({ length: 8 }, (_, index) => `owner ${index}`);
    const results = await Promise.all(owners.map((owner) => world.claim(id, owner)));
    const winners = results.filter((job) => job !== undefined);
    assert.equal(winners.length, 1);
    assert.deepEqual(
      [winners[0]?.state, winners[0]?.attempts, winners[0]?.leaseUntil],
      ['running', 1, world.now() + 1000],
    );
  });

  it('passes to another owner when its lease is over, and not earlier', async (t) => {
    const world = await make(t);
    const id = await world.machineJob();
    await claimed(world, id, 'first');
    world.advance(999);
    assert.equal(await world.claim(id, 'second'), undefined);
    world.advance(1);
    const heir = await claimed(world, id, 'second');
    assert.equal(heir.attempts, 2);
  });

  it('refuses a late owner, and undoes all of its transaction', async (t) => {
    const world = await make(t);
    const id = await world.machineJob();
    const late = await claimed(world, id, 'late');
    world.advance(1000);
    const heir = await claimed(world, id, 'heir');
    const machineId = late.machineId as MachineId;
    await assert.rejects(
      world.write(async (work) => {
        await work.machines.update(machineId, { status: 'ready' });
        await work.jobs.fencedUpdate(late, { phase: 'too late' });
      }),
      LeaseLost,
    );
    assert.equal((await world.read((work) => work.machines.get(machineId))).status, 'off');
    await update(world, heir, { phase: 'in time' });
    assert.equal((await world.read((work) => work.jobs.get(id))).phase, 'in time');
  });

  it('refuses an earlier attempt of the same owner', async (t) => {
    const world = await make(t);
    const id = await world.machineJob();
    const first = await claimed(world, id, 'owner');
    world.advance(1000);
    const second = await claimed(world, id, 'owner');
    await assert.rejects(update(world, first, {}), LeaseLost);
    await update(world, second, {});
  });

  it('refuses its owner when it has ended, and is never claimed again', async (t) => {
    const world = await make(t);
    const id = await world.machineJob();
    const job = await claimed(world, id, 'owner');
    await update(world, job, { state: 'done' });
    await assert.rejects(update(world, job, {}), LeaseLost);
    world.advance(10_000);
    assert.equal(await world.claim(id, 'owner'), undefined);
  });

  it('can be claimed at once when the leases of dead servers are ended', async (t) => {
    const world = await make(t);
    const id = await world.machineJob();
    await claimed(world, id, 'dead');
    await world.write((work) => work.jobs.endLeases());
    await claimed(world, id, 'alive');
  });

  it('keeps the first id that it begins under a name, until it ends', async (t) => {
    const world = await make(t);
    const id = await world.machineJob();
    const begin = (name: string, what: string) =>
      world.write((work) => work.jobs.begin({ id }, name, what));
    assert.equal(await begin('disk', 'one'), 'one');
    assert.equal(await begin('disk', 'two'), 'one');
    assert.equal(await begin('layer', 'three'), 'three');
    const byName = await world.read((work) => work.jobs.begunBy(id));
    assert.deepEqual([...byName].sort(), [
      ['disk', 'one'],
      ['layer', 'three'],
    ]);
    assert.equal((await world.read((work) => work.jobs.begun())).length, 2);
    await update(world, await claimed(world, id, 'owner'), { state: 'done' });
    assert.deepEqual(await world.read((work) => work.jobs.begun()), []);
    world.advance(1);
    await world.write((work) => work.jobs.prune(world.now()));
    assert.equal((await world.read((work) => work.jobs.begunBy(id))).size, 0);
  });

  it('has named leases that one owner holds at a time', async (t) => {
    const world = await make(t);
    const take = (owner: string) => world.write((work) => work.jobs.takeLease('task', owner, 100));
    const owner = () => world.read((work) => work.jobs.leaseOwner('task'));
    assert.equal(await owner(), undefined);
    assert.equal(await take('first'), true);
    assert.equal(await take('second'), false);
    assert.equal(await owner(), 'first');
    world.advance(50);
    assert.equal(await take('first'), true);
    world.advance(99);
    assert.equal(await take('second'), false);
    world.advance(1);
    assert.equal(await owner(), undefined);
    assert.equal(await take('second'), true);
  });
}

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
    await waits(100);
    assert.equal(await isDue(), false);
    assert.equal(await world.read((work) => work.jobs.nextDue()), world.now() + 100);
    world.advance(100);
    assert.equal(await isDue(), true);
    await waits(5001);
    assert.equal(await isDue(), true);
  });

  it('is due however many jobs of another kind wait before it', async (t) => {
    const world = await make(t);
    for (let count = 0; count < 12; count++) await world.machineJob();
    const { id: imageId } = await world.image();
    const last = await world.job({ kind: 'imageInstall', organisationId: world.ours, imageId });
    const due = await world.read((work) => work.jobs.due(tenOfEach, 5000));
    assert.deepEqual(
      due.map(({ id }) => id),
      due.map(({ id }) => id).toSorted((one, other) => one - other),
    );
    assert.equal(due.length, 11);
    assert.equal(due.at(-1)?.id, last);
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
    const toCancel = () => world.read((work) => work.jobs.toCancel());
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
