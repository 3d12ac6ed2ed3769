// The default base is the newest base that is known to work; and when a base is not healed.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { baseAdd, baseTry } from '../../src/app/operator/base.ts';
import { baseHeal } from '../../src/app/operator/base-heal.ts';
import type { DiskId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { call } from '../call.ts';
import { operatorOn } from '../operator.ts';
import { settled } from './settled.ts';

async function withBases(t: TestContext) {
  const { h, does } = await settled(t, { settings: { readyMs: 20 } });
  const add = async (name: string) => {
    const disk = join(h.dataDir, `${name}.raw`);
    await writeFile(disk, `a disk, ${name}`);
    return baseAdd(operatorOn(h.store), h.engine, {
      name,
      files: { disk },
      boot: { mode: 'bios' },
    });
  };
  const theDefault = async () => (await h.store.read('system', (work) => work.bases.get())).id;
  const trial = (id: typeof h.base.id) =>
    baseTry(operatorOn(h.store), h.engine, id, 1000, AbortSignal.timeout(10_000));
  return { h, does, add, theDefault, trial };
}

describe('the default base', () => {
  it('is the newest, until one is known to work', async (t) => {
    const { h, does, add, theDefault } = await withBases(t);
    const second = await add('second');
    assert.equal(await theDefault(), second.id);
    const built = await h.call('imageInstall', {
      body: { base_image_id: h.base.id, software_ids: [h.editor.id] },
    });
    await h.service.reconciler.settle();
    assert.equal((await does('imageGet', built.body.id)).attributes.status, 'available');
    assert.equal(await theDefault(), h.base.id);
    // A machine that becomes ready on the newer base shows that this one works too.
    const [id = 0] = h.machines;
    const image = (await h.call('imageInstall', { body: { base_image_id: second.id } })).body
      .attributes.id;
    await h.service.reconciler.settle();
    await does('imageAssign', image, { machine_ids: [id] });
    assert.equal(await theDefault(), h.base.id);
    await does('machineStart', id);
    assert.equal(await theDefault(), second.id);
  });

  it('is never a base whose guests do not report, so builds and starts without a base still work', async (t) => {
    const { h, does, add, theDefault, trial } = await withBases(t);
    const [id = 0, other = 0] = h.machines;
    await does('machineStart', other);
    const broken = await add('sim-never-ready');
    assert.equal(await theDefault(), h.base.id);
    const tried = await trial(broken.id);
    assert.deepEqual(
      [tried.works, /was not done within its limit of 1 s/.test(tried.said)],
      [false, true],
    );
    const built = (await h.call('imageInstall', { body: { software_ids: [h.editor.id] } })).body;
    await h.service.reconciler.settle();
    assert.equal((await does('imageGet', built.id)).attributes.status, 'available');
    await does('machineStart', id);
    assert.equal((await does('machineGet', id)).attributes.friendly_status, 'ready');
    const { diskId } = await h.store.read('system', (work) => work.machines.get(id as never));
    const disk = await h.store.read('system', (work) => work.disks.get(diskId as DiskId));
    assert.equal(disk.layerId, h.base.layerId);
    assert.deepEqual(
      (await h.call('softwareList')).body.base_images.map((one: { id: number }) => one.id),
      [h.base.id, broken.id],
    );
  });

  it('is an untried base rather than a base whose trial failed; a start that fails names its base', async (t) => {
    const { h, does, add, theDefault, trial } = await withBases(t);
    const broken = await add('sim-never-ready');
    assert.equal(await theDefault(), broken.id);
    const [id = 0] = h.machines;
    await does('machineStart', id);
    const { status_reason: reason } = (await does('machineGet', id)).attributes;
    assert.match(
      reason,
      /was not ready within .* on base image 2 \(sim-never-ready\), taken because no image/,
    );
    assert.equal((await trial(broken.id)).works, false);
    assert.equal(await theDefault(), h.base.id);
  });

  it('leaves nothing behind when it is tried, and a failed trial counts more than an earlier success', async (t) => {
    const { h, theDefault, add, trial } = await withBases(t);
    const second = await add('second');
    assert.deepEqual(await trial(second.id), { works: true, said: '' });
    assert.equal(await theDefault(), second.id);
    await h.engine.rot(second.layerId);
    assert.equal((await h.engine.inventory(call)).layers.size, 2);
    await h.store.write('system', (work) => work.bases.fail(second.id));
    assert.equal(await theDefault(), h.base.id);
    assert.equal((await trial(second.id)).works, true);
    assert.equal(await theDefault(), second.id);
    await assert.rejects(trial(99 as never), /no base image 99/);
  });

  it('fits on the disk of the machine; when none fits, the request is refused before anything is changed', async (t) => {
    const { h, does, add } = await withBases(t);
    const [id = 0, other = 0] = h.machines;
    const sizeOf = (layerId: typeof h.base.layerId, gb: number) =>
      h.store.write('system', (work) =>
        work.layers.seal(layerId, { virtualBytes: gb * gbBytes, storedBytes: 1 }),
      );
    const status = async (of: number) => (await does('machineGet', of)).attributes.friendly_status;
    const large = await add('large');
    await sizeOf(large.layerId, 21);
    await h.store.write('system', (work) => work.bases.prove(large.id));
    // The newest base works but is too large, so machines still start from the base that fits, also
    // after a reset.
    for (const _ of [1, 2]) {
      await does('machineStart', id);
      assert.equal(await status(id), 'ready');
      await does('machineStop', id);
      const { diskId } = await h.store.read('system', (work) => work.machines.get(id as never));
      const disk = await h.store.read('system', (work) => work.disks.get(diskId as DiskId));
      assert.equal(disk.layerId, h.base.layerId);
      if (_ === 1) assert.equal((await does('machineReset', id)).client_code, 200);
    }
    await sizeOf(h.base.layerId, 20.5);
    const start = (await does('machineStart', other)).client_code;
    const reset = await does('machineReset', id);
    assert.deepEqual([start, reset.client_code], [4510, 4510]);
    assert.match(reset.message, /large has .* GB, no other is smaller .* that has 20 GB/);
    // Nothing was changed, so the disk of the machine still starts.
    await does('machineStart', id);
    assert.equal(await status(id), 'ready');
    // The state of the machine is checked first.
    assert.equal((await does('machineReset', id)).client_code, 400);
    await does('machineStop', id);
    await sizeOf(h.base.layerId, 20);
    await does('machineStart', other);
    assert.equal(await status(other), 'ready');
  });

  it('like an image that has become larger than a disk, is refused at assign, start and reset', async (t) => {
    const { h, does } = await withBases(t);
    const [id = 0, other = 0] = h.machines;
    const image = (await h.call('imageInstall', { body: { software_ids: [h.editor.id] } })).body
      .attributes.id;
    await h.service.reconciler.settle();
    await does('imageAssign', image, { machine_ids: [id] });
    await does('machineStart', id);
    await does('machineStop', id);
    const grow = (sizeGb: number) =>
      h.store.write('system', (work) => work.images.update(image as never, { sizeGb }));
    await grow(21);
    const codes = [
      (await does('imageAssign', image, { machine_ids: [other] })).client_code,
      (await does('machineReset', id)).client_code,
    ];
    await h.store.write('system', (work) => work.machines.assign([other as never], image as never));
    codes.push((await does('machineStart', other)).client_code);
    assert.deepEqual(codes, [4510, 4510, 4510]);
    // The size of the layer counts, not the size in the row of the image.
    await grow(3);
    const { layerId } = await h.store.read('system', (work) => work.images.get(image as never));
    await h.store.write('system', (work) =>
      work.layers.seal(layerId as never, { virtualBytes: 21 * gbBytes, storedBytes: 1 }),
    );
    await does('machineStart', other);
    const { friendly_status: status, status_reason: reason } = (await does('machineGet', other))
      .attributes;
    assert.deepEqual(
      [status, /has 21 GB and the disk of machine 2 20 GB/.test(reason)],
      ['off', true],
    );
  });
});

describe('the healing of a base', () => {
  it('by an engine that takes no digests is refused, since nobody can tell what is damaged', async (t) => {
    const { h } = await withBases(t);
    const { verify: _, ...engine } = h.engine;
    const from = { file: join(h.dataDir, 'base.raw') };
    const heal = (by: Engine) =>
      baseHeal(operatorOn(h.store), by, h.base.id, from, AbortSignal.timeout(10_000));
    await assert.rejects(heal(engine), { code: 'invalid', message: /takes no digests of layers/ });
    await assert.rejects(heal(h.engine), { code: 'conflict', message: /Nothing is wrong/ });
  });
});
