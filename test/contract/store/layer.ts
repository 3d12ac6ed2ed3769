// Layers and bases: chains, keys, which layers are needed, and which are verified next.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LayerId } from '../../../src/domain/ids.ts';
import { localCopy } from '../../../src/domain/layer-copy.ts';
import type { MakeWorld, World } from './world.ts';

const idsOf = (layers: readonly { id: LayerId }[]) => layers.map(({ id }) => id);

const quarantine = (world: World, id: LayerId) =>
  world.write((work) => work.layerCopies.update(localCopy(id), { state: 'quarantined' }));

function testChains(make: MakeWorld) {
  it('has a chain down to its root, which says how it boots', async (t) => {
    const world = await make(t);
    const ids = await world.chain(4);
    const [root, , , head] = ids;
    assert.ok(root && head);
    await world.read(async (work) => {
      assert.deepEqual(idsOf(await work.layers.chain(head)), ids.toReversed());
      const boot = await work.layers.bootOf(await work.layers.get(head));
      const chain = ids.toReversed();
      assert.deepEqual(boot, { boot: { mode: 'bios' }, baseLayerId: root, chain });
      const nowhere = 'nowhere' as LayerId;
      await assert.rejects(work.layers.chain(nowhere), { code: 'internal' });
      assert.equal(await work.layers.find(nowhere), undefined);
    });
  });

  it('keeps how its root boots, and is found while its root has no board', async (t) => {
    const world = await make(t);
    const [root] = await world.chain(2);
    assert.ok(root);
    const boardless = async () => idsOf(await world.read((work) => work.layers.boardless()));
    assert.deepEqual(await boardless(), [root]);
    const append = 'x="board":1';
    const direct = { mode: 'direct', append, buildAppend: null } as const;
    await world.write((work) => work.layers.update(root, { boot: direct }));
    assert.deepEqual(await boardless(), [root]);
    const boot = { ...direct, board: 'pc-q35-7.2' };
    await world.write((work) => work.layers.update(root, { boot }));
    assert.deepEqual(await boardless(), []);
    assert.deepEqual((await world.read((work) => work.layers.get(root))).boot, boot);
  });

  it('has one key in the store, under which it is found until it loses it', async (t) => {
    const world = await make(t);
    const id = await world.layer({ key: 'k' });
    await assert.rejects(world.layer({ key: 'k' }), { code: 'internal' });
    assert.equal((await world.read((work) => work.layers.byKey('k')))?.id, id);
    await world.write((work) => work.layers.update(id, { key: null }));
    assert.equal(await world.read((work) => work.layers.byKey('k')), undefined);
    await world.layer({ key: 'k' });
  });

  it('is taken over while it is built, by one job at a time, and never when sealed', async (t) => {
    const world = await make(t);
    const [first, second] = [await world.machineJob(), await world.machineJob()];
    const id = await world.layer({ state: 'building', jobId: first });
    const takeOver = (from: typeof first | null) =>
      world.write((work) => work.layers.takeOver(id, from, second));
    assert.equal(await takeOver(null), false);
    assert.equal(await takeOver(first), true);
    assert.equal(await takeOver(first), false);
    await world.write((work) => work.layers.seal(id, { virtualBytes: 5, storedBytes: 4 }));
    assert.equal(await takeOver(second), false);
    const { state, jobId, virtualBytes } = await world.read((work) => work.layers.get(id));
    assert.deepEqual([state, jobId, virtualBytes], ['sealed', null, 5]);
  });

  it('belongs to each organisation that has an image or a disk on it, at any depth', async (t) => {
    const world = await make(t);
    const [root, , head] = await world.chain(3);
    assert.ok(root && head);
    await world.imageOn(head, world.theirs);
    await world.read(async (work) => {
      assert.equal(await work.layers.ownerOf(root), world.theirs);
      assert.equal(await work.layers.usersOf(head), 1);
      assert.equal(await work.layers.usersOf(root), 1);
    });
  });
}

function testNeed(make: MakeWorld) {
  it('is marked for removal exactly when it is not needed, with the layers below it', async (t) => {
    const world = await make(t);
    const [root, middle, head] = await world.chain(3);
    const [keptRoot, keptHead] = await world.chain(2);
    assert.ok(root && middle && head && keptRoot && keptHead);
    const base = await world.layer({ kind: 'base' });
    const cached = await world.layer({ kind: 'software', key: 'cached' });
    const image = await world.imageOn(keptHead);
    await world.write((work) => work.bases.add({ name: 'base', sizeGb: 1, layerId: base }));
    await world.write((work) => work.images.update(image, { deletedAt: work.now() }));
    const unneeded = await world.read((work) => work.layers.unneeded(10));
    assert.deepEqual(unneeded, [head]);
    // A layer that came to be needed since it was looked for stays.
    await world.write((work) => work.layers.markDeleting([...unneeded, keptHead, base, cached]));
    const states = async () =>
      Object.fromEntries(
        (await world.read((work) => work.layers.list())).map((one) => [one.id, one.state]),
      );
    const deleting = { [root]: 'deleting', [middle]: 'deleting', [head]: 'deleting' };
    const sealed = Object.fromEntries(
      [keptRoot, keptHead, base, cached].map((id) => [id, 'sealed']),
    );
    assert.deepEqual(await states(), { ...deleting, ...sealed });
    // A layer is removed only after the layers on top of it.
    for (const id of [head, middle, root]) {
      const next = await world.read((work) => work.layers.deleting(world.now()));
      assert.deepEqual(idsOf(next), [id]);
      await world.write((work) => work.layers.remove(id));
    }
    await world.write((work) => work.layers.remove(keptHead));
    assert.deepEqual(await states(), sealed);
    assert.deepEqual(await world.read((work) => work.layers.deletingInUse()), []);
    const marked = { state: 'deleting', deletingAt: world.now() } as const;
    await world.write((work) => work.layers.update(keptHead, marked));
    assert.deepEqual(idsOf(await world.read((work) => work.layers.deletingInUse())), [keptHead]);
  });

  it('is in the cache when builds can find it, the least recently used layer first', async (t) => {
    const world = await make(t);
    const old = await world.layer({ kind: 'software', key: 'old' });
    world.advance(10);
    const young = await world.layer({ kind: 'software', key: 'young' });
    await world.layer({ kind: 'software', key: 'half', state: 'building' });
    await world.imageOn(young);
    const cache = () =>
      world.read(async (work) => (await work.layers.cache()).map((one) => [one.id, one.inUse]));
    assert.deepEqual(await cache(), [
      [old, false],
      [young, true],
    ]);
    const idle = (...of: [limit: number, among?: LayerId[]]) =>
      world.read(async (work) => idsOf(await work.layers.idleSteps(...of)));
    assert.deepEqual(await idle(10), [old]);
    assert.deepEqual(await idle(0), []);
    assert.deepEqual(await idle(10, [young]), []);
    assert.deepEqual(await idle(10, [young, old]), [old]);
    const { id: imageId } = await world.image();
    await world.job({ kind: 'imageInstall', organisationId: world.ours, imageId });
    await world.write((work) => work.layers.update(old, { usedAt: work.now() + 1 }));
    assert.deepEqual(await cache(), [
      [young, true],
      [old, true],
    ]);
    assert.deepEqual(await idle(10), []);
  });
}

function testNext(make: MakeWorld) {
  it('is compacted when its chain is the lowest that is too high, sealed and not tried', async (t) => {
    const world = await make(t);
    const ids = await world.chain(5);
    const lowest = () =>
      world.read(async (work) => (await work.layers.lowestAbove(3, world.now()))?.id);
    const [, second, , fourth] = ids;
    assert.ok(second && fourth);
    assert.equal(await lowest(), fourth);
    const id = await world.job({
      kind: 'layerCompact',
      organisationId: world.ours,
      layerId: fourth,
    });
    const job = await world.claim(id, 'owner');
    assert.ok(job);
    const since = world.now();
    world.advance(1);
    await world.write((work) => work.jobs.fencedUpdate(job, { state: 'failed' }));
    const after = await world.read((work) => work.layers.lowestAbove(3, since));
    assert.equal(after?.id, ids[4]);
    await quarantine(world, second);
    assert.equal(await lowest(), undefined);
  });

  it('is verified next where its copy has a digest and waited longest', async (t) => {
    const world = await make(t);
    const [first, second, bad] = [await world.layer(), await world.layer(), await world.layer()];
    await world.layer({ state: 'building', storedBytes: null });
    await quarantine(world, bad);
    const copies = await world.read((work) => work.layerCopies.withoutDigest());
    assert.deepEqual(copies.map(({ layerId }) => layerId).sort(), [first, second].sort());
    const verified = (id: LayerId, ms: number) =>
      world.write((work) =>
        work.layerCopies.update(localCopy(id), { digest: 'sha256:0', verifiedAt: work.now() + ms }),
      );
    await verified(first, 5);
    await verified(second, 3);
    const next = (before: number) =>
      world.read(
        async (work) => (await work.layerCopies.nextToScrub(world.now() + before))?.layerId,
      );
    assert.equal(await next(3), undefined);
    assert.equal(await next(4), second);
    await verified(second, 9);
    assert.equal(await next(10), first);
    // A copy that was never compared counts from the time of its layer.
    world.advance(-1);
    const never = await world.layer();
    await world.write((work) => work.layerCopies.update(localCopy(never), { digest: 'sha256:0' }));
    assert.equal(await next(10), never);
    assert.deepEqual(
      (await world.read((work) => work.layerCopies.quarantined())).map(({ layerId }) => layerId),
      [bad],
    );
  });

  it('has no copy while it is built, one when it is sealed, and none when it is removed', async (t) => {
    const world = await make(t);
    const id = await world.layer({ state: 'building', storedBytes: null });
    const copies = async () => (await world.read((work) => work.layers.get(id))).copies;
    assert.deepEqual(await copies(), []);
    const seal = (storedBytes: number) =>
      world.write((work) => work.layers.seal(id, { virtualBytes: 9, storedBytes }));
    await seal(4);
    await seal(5);
    const none = { digest: null, verifiedAt: null, fault: null };
    const copy = { layerId: id, place: 'local', state: 'sound', storedBytes: 5, ...none };
    assert.deepEqual(await copies(), [copy]);
    await world.write(async (work) => {
      await work.layers.markDeleting([id]);
      await work.layers.remove(id);
    });
    assert.deepEqual(await world.read((work) => work.layers.ids()), []);
    await world.layer({ id });
  });
}

function testBases(make: MakeWorld) {
  it('is chosen as the default base when it is usable, known to work, and newest', async (t) => {
    const world = await make(t);
    const add = async (name: string, virtualBytes: number) => {
      const layerId = await world.layer({ kind: 'base', virtualBytes });
      return world.write((work) =>
        work.bases.add({ name, sizeGb: virtualBytes / 2 ** 30, layerId }),
      );
    };
    const chosen = async () => (await world.read((work) => work.bases.get())).name;
    await assert.rejects(chosen(), { code: 'not_found' });
    const small = await add('small', 2 ** 30);
    const large = await add('large', 2 ** 34);
    assert.equal(await chosen(), 'large');
    await world.write((work) => work.bases.prove(small.id));
    assert.equal(await chosen(), 'small');
    await world.write((work) => work.bases.fail(small.id));
    assert.equal(await chosen(), 'large');
    const fitting = (diskGb: number) => world.read((work) => work.bases.fitting(diskGb));
    assert.equal((await fitting(16)).name, 'large');
    assert.equal((await fitting(15)).name, 'small');
    await assert.rejects(fitting(0.5), { code: 'image_too_large' });
    await quarantine(world, large.layerId);
    assert.equal(await chosen(), 'small');
    assert.equal((await world.read((work) => work.bases.get(large.id))).name, 'large');
    const found = await world.read((work) => work.bases.ofLayer(small.layerId));
    assert.equal(found?.name, 'small');
  });
}

export const testLayers = (make: MakeWorld) =>
  describe('a layer', () => {
    testChains(make);
    testNeed(make);
    testNext(make);
    testBases(make);
  });
