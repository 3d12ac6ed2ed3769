// Claims of jobs: leases, fences and late owners.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { JobId, MachineId } from '../../../src/domain/ids.ts';
import type { Job } from '../../../src/domain/job.ts';
import { LeaseLost } from '../../../src/store/port/job.ts';
import type { MakeWorld, World } from './world.ts';

export async function claimed(world: World, id: JobId, owner: string): Promise<Job> {
  const job = await world.claim(id, owner);
  assert.ok(job, `${owner} gets the job`);
  return job;
}

export const update = (world: World, job: Job, change: { phase?: string; state?: Job['state'] }) =>
  world.write((work) => work.jobs.fencedUpdate(job, change));

export function testClaims(make: MakeWorld) {
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
