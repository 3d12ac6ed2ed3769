// The host and the operator's rows: freezes, orphans, the steady clock, names and counts.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SoftwareId } from '../../../src/domain/ids.ts';
import type { MakeWorld } from './world.ts';

const minuteMs = 60_000;
const given = { memoryMb: null, cpus: null, growthBytes: 0, buildPlaces: 2 };
const measured = { totalBytes: 9, knownBytes: 0, ...given };

function testFreezes(make: MakeWorld) {
  it('is frozen for a minute, for as long as the freeze is renewed', async (t) => {
    const world = await make(t);
    const frozen = () => world.read((work) => work.host.frozen());
    const renew = () => world.write((work) => work.host.renewFreeze('disks', 'backup'));
    assert.equal(await renew(), false);
    await world.write((work) => work.host.freeze('disks', 'backup'));
    world.advance(minuteMs - 1);
    assert.deepEqual(await frozen(), ['disks']);
    assert.equal(await renew(), true);
    world.advance(minuteMs - 1);
    assert.deepEqual(await frozen(), ['disks']);
    world.advance(1);
    assert.deepEqual(await frozen(), []);
    assert.equal(await renew(), false);
  });

  it('is frozen until each holder has thawed it', async (t) => {
    const world = await make(t);
    const frozen = async () => (await world.read((work) => work.host.frozen())).sort();
    await world.write(async ({ host }) => {
      await host.freeze('disks', 'first');
      await host.freeze('disks', 'second');
      await host.freeze('layers', 'first');
    });
    assert.deepEqual(await frozen(), ['disks', 'layers']);
    await world.write(({ host }) => host.thaw('disks', 'first'));
    assert.deepEqual(await frozen(), ['disks', 'layers']);
    await world.write(({ host }) => host.thaw('disks', 'second'));
    assert.deepEqual(await frozen(), ['layers']);
    await world.write(({ host }) => host.thawAll());
    assert.deepEqual(await frozen(), []);
  });

  it('is not frozen by a freeze from before the clock went back', async (t) => {
    const world = await make(t);
    await world.write((work) => work.host.freeze('layers', 'backup'));
    world.advance(-minuteMs);
    assert.deepEqual(await world.read((work) => work.host.frozen()), []);
    await world.write((work) => work.host.freeze('layers', 'backup'));
    assert.deepEqual(await world.read((work) => work.host.frozen()), ['layers']);
  });

  it('is busy while a job that changes such files runs under its lease', async (t) => {
    const world = await make(t);
    const isBusy = () =>
      world.read(async ({ host }) => [await host.isBusy('disks'), await host.isBusy('layers')]);
    const { id: imageId } = await world.image();
    const job = { kind: 'imageCapture', organisationId: world.ours, imageId } as const;
    const id = await world.job(job);
    assert.deepEqual(await isBusy(), [false, false]);
    await world.claim(id, 'owner', 100);
    assert.deepEqual(await isBusy(), [true, false]);
    world.advance(100);
    assert.deepEqual(await isBusy(), [false, false]);
  });
}

function testNotes(make: MakeWorld) {
  it('notes an orphan once, and forgets it', async (t) => {
    const world = await make(t);
    const note = (id: string) =>
      world.write((work) => work.host.noteOrphan({ kind: 'layer', id, bytes: 5 }));
    const seenAt = world.now();
    assert.equal(await note('b'), true);
    world.advance(1);
    assert.equal(await note('a'), true);
    assert.equal(await note('b'), false);
    const orphans = () => world.read((work) => work.host.orphans());
    assert.deepEqual(await orphans(), [
      { kind: 'layer', id: 'b', bytes: 5, seenAt },
      { kind: 'layer', id: 'a', bytes: 5, seenAt: seenAt + 1 },
    ]);
    const forget = (kind: 'disk' | 'layer') =>
      world.write((work) => work.host.forgetOrphan({ kind, id: 'b' }));
    await forget('disk');
    assert.equal((await orphans()).length, 2);
    await forget('layer');
    assert.equal((await orphans()).length, 1);
  });

  it('remembers the last measurement, and the last state of the removal guard', async (t) => {
    const world = await make(t);
    const noted = () =>
      world.read(async ({ host }) => ({
        capacity: await host.capacity(),
        steadyAt: await host.lastSteadyAt(),
        state: await host.removalState(),
      }));
    const none = { waiting: null, brakes: '{}' };
    assert.deepEqual(await noted(), { capacity: undefined, steadyAt: undefined, state: none });
    for (const freeBytes of [4, 3])
      await world.write((work) => work.host.setMeasured({ ...measured, freeBytes }));
    await world.write(async ({ host }) => {
      await host.setSteady();
      await host.setRemovalState('much would go', '{"disks":1}');
    });
    world.advance(5);
    await world.write((work) => work.host.setSteady());
    assert.deepEqual(await noted(), {
      capacity: { totalBytes: 9, freeBytes: 3 },
      steadyAt: world.now(),
      state: { waiting: 'much would go', brakes: '{"disks":1}' },
    });
  });

  it('has each organisation and machine type once, by name', async (t) => {
    const world = await make(t);
    const again = await world.write((work) => work.organisations.ensure('ours'));
    assert.equal(again, world.ours);
    await world.read(async (work) => {
      assert.deepEqual(await work.organisations.list(), [
        { id: world.ours, name: 'ours' },
        { id: world.theirs, name: 'theirs' },
      ]);
      await assert.rejects(work.organisations.byName('none'), { code: 'not_found' });
      await assert.rejects(work.machineTypes.get(99 as never), { code: 'not_found' });
      assert.equal((await work.machineTypes.get(world.machineTypeId)).name, 'Small');
    });
    const size = { cpus: 1, memoryMb: 1, diskSizeGb: 1 };
    await assert.rejects(
      world.write((work) => work.machineTypes.add({ name: 'Small', code: 'other', ...size })),
      { code: 'internal' },
    );
  });

  it('lists software by id, with a digest that follows the recipe', async (t) => {
    const world = await make(t);
    const recipe = (script: string) => ({ script, files: [], network: false, timeoutMs: 1 });
    const add = (name: string) =>
      world.write((work) => work.software.add({ name, sizeGb: 1, recipe: recipe('true') }));
    const [first, second] = [await add('b'), await add('a')];
    assert.equal(first.recipeDigest, second.recipeDigest);
    const changed = await world.write((work) =>
      work.software.update(first.id, { name: 'b', sizeGb: 2, recipe: recipe('false') }),
    );
    assert.notEqual(changed.recipeDigest, first.recipeDigest);
    assert.deepEqual(await world.read((work) => work.software.list()), [changed, second]);
    await assert.rejects(
      world.write((work) => work.software.update(99 as SoftwareId, changed)),
      { code: 'not_found' },
    );
  });

  it('counts things over all organisations', async (t) => {
    const world = await make(t);
    const layerId = await world.layer({ storedBytes: 5 });
    await world.imageOn(layerId);
    await world.imageOn(layerId, world.theirs);
    await world.disk(await world.machine(), layerId);
    const id = await world.machineJob();
    await world.claim(id, 'dead', 10);
    const [oldestVerifiedAt, oldestJobAt] = [world.now(), world.now()];
    world.advance(11);
    const one = { kind: 'capture', state: 'sealed' };
    assert.deepEqual(await world.read((work) => work.counts(), world.ours), {
      jobs: [{ labels: { kind: 'machineStart', state: 'running' }, count: 1 }],
      oldestJobAt,
      leasesOverdue: 1,
      images: [{ labels: { status: 'available' }, count: 2 }],
      machines: [{ labels: { status: 'off' }, count: 2 }],
      layers: [{ labels: one, count: 1 }],
      layerBytes: [{ labels: one, count: 5 }],
      disks: [{ labels: { state: 'active' }, count: 1 }],
      templates: [],
      templateBytes: 0,
      orphans: 0,
      deliveries: [],
      oldestDeliveryAt: null,
      oldestEventAt: null,
      oldestVerifiedAt,
    });
  });
}

export const testHost = (make: MakeWorld) =>
  describe('the host', () => {
    testFreezes(make);
    testNotes(make);
  });
