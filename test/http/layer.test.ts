// Layers over the whole stack: honest sizes, what hangs on an image, orphans, rot, and the build
// cache.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { DiskId, ImageId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { localCopy } from '../../src/domain/layer-copy.ts';
import { newId } from '../../src/lib/new-id.ts';
import { seenLayer } from '../seen-layer.ts';
import { movableClock } from '../support.ts';
import { startHarness } from './harness.ts';

async function settled(t: TestContext, settings: Parameters<typeof startHarness>[1] = {}) {
  const h = await startHarness(t, { reconcile: false, ...settings });
  const does = async (name: Parameters<typeof h.call>[0], of: number, body?: unknown) => {
    const answer = await h.call(name, { params: { id: of }, body });
    await h.service.reconciler.settle();
    return answer.body;
  };
  const install = async (software: number[]): Promise<number> => {
    const { body } = await h.call('imageInstall', { body: { software_ids: software } });
    await h.service.reconciler.settle();
    return body.attributes.id;
  };
  const headOf = async (id: number) =>
    (await h.store.read('system', (work) => work.images.get(id as ImageId))).layerId as LayerId;
  return { h, does, install, headOf };
}

describe('imageStorage', () => {
  it('tells what an image takes, what it shares, and what its deletion would free', async (t) => {
    const { h, does, install, headOf } = await settled(t);
    const [id = 0, other = 0] = h.machines;
    const built = await install([h.editor.id]);
    const sizes = await does('imageStorage', built);
    assert.equal(sizes.layers.length, 2);
    assert.deepEqual([sizes.exclusive_bytes, sizes.shared_bytes], [0, sizes.stored_bytes]);

    await does('imageAssign', built, { machine_ids: [id] });
    await does('machineStart', id);
    await does('machineStop', id);
    const captured = (await does('imageCapture', id, { machine_id: id })).attributes.id;
    // Its own machine goes on standing on it, so nothing would be free.
    assert.equal((await does('imageStorage', captured)).exclusive_bytes, 0);
    const hangs = await does('imageDependents', captured);
    assert.deepEqual(
      [hangs.machines, hangs.images, hangs.freed_bytes],
      [[{ id, name: `Machine #${id}`, assigned: false, disk: true }], [], 0],
    );
    await does('imageAssign', captured, { machine_ids: [other] });
    assert.deepEqual(
      (await does('imageDependents', captured)).machines.map(
        (one: { assigned: boolean; disk: boolean }) => [one.assigned, one.disk],
      ),
      [
        [true, false],
        [false, true],
      ],
    );
    assert.deepEqual((await does('imageDependents', built)).images, [
      { id: captured, name: `Template #${captured}` },
    ]);

    await does('machineReset', id);
    assert.equal((await does('imageDependents', captured)).kept_disks, 1);
    await h.store.write('system', async (work) => {
      for (const disk of await work.disks.kept())
        await work.disks.update(disk.id, { keptUntil: 0 });
    });
    await h.service.reconciler.task('collect');
    const alone = await does('imageStorage', captured);
    const { storedBytes } = seenLayer(
      await h.store.read('system', async (work) => work.layers.get(await headOf(captured))),
    );
    assert.equal(alone.exclusive_bytes, storedBytes);
    assert.equal((await does('imageDependents', captured)).freed_bytes, storedBytes);
    for (const name of ['imageStorage', 'imageDependents'] as const)
      assert.equal((await h.call(name, { params: { id: captured } }, h.keys.theirs)).status, 404);
  });
});

describe('the sweep', () => {
  it('reports what the store does not know, leaves it for a day, and then removes it', async (t) => {
    const { clock, advance } = movableClock();
    const { h } = await settled(t, { clock });
    const orphan = newId() as DiskId;
    await h.engine.ensureDisk({ diskId: orphan, layerId: h.base.layerId, sizeBytes: 1 });
    const sweep = async () => {
      await h.service.reconciler.task('sweep');
      return {
        noted: (await h.store.read('system', (work) => work.host.orphans())).map((one) => one.id),
        there: (await h.engine.inventory()).disks.has(orphan),
      };
    };
    assert.deepEqual(await sweep(), { noted: [orphan], there: true });
    advance(23 * 3600_000);
    assert.deepEqual(await sweep(), { noted: [orphan], there: true });
    advance(2 * 3600_000);
    assert.deepEqual(await sweep(), { noted: [], there: false });
  });

  it('says of every image that stands on a missing layer why it failed, and nothing new is made of it', async (t) => {
    const { h, does, install, headOf } = await settled(t);
    const [id = 0] = h.machines;
    const [one, both] = [await install([h.editor.id]), await install([h.editor.id, h.browser.id])];
    await does('imageAssign', both, { machine_ids: [id] });
    await h.engine.removeLayer(await headOf(one));
    await h.service.reconciler.task('sweep');
    for (const image of [one, both]) {
      const { attributes } = await does('imageGet', image);
      assert.equal(attributes.status, 'failed');
      assert.match(attributes.status_reason, /missing on the disk of the host/);
    }
    assert.equal((await does('machineStart', id)).client_code, 4201);
    // The same list is built anew.
    assert.equal(
      (await does('imageGet', await install([h.editor.id]))).attributes.status,
      'available',
    );
  });
});

describe('verification', () => {
  it('takes digests in the background, and finds a layer that has changed before a machine is made of it', async (t) => {
    const { h, does, install, headOf } = await settled(t);
    const [id = 0, other = 0] = h.machines;
    const image = await install([h.editor.id]);
    const head = await headOf(image);
    const layer = async () =>
      seenLayer(await h.store.read('system', (work) => work.layers.get(head)));
    assert.equal((await layer()).digest, null);
    for (const _ of [1, 2]) await h.service.reconciler.task('verify');
    assert.match((await layer()).digest ?? '', /^sha256:/);
    assert.equal((await layer()).verifiedAt, null);

    await h.engine.rot(head);
    await does('imageAssign', image, { machine_ids: [id] });
    await does('machineStart', id);
    const machine = (await does('machineGet', id)).attributes;
    assert.deepEqual(
      [
        machine.friendly_status,
        /is damaged.*bring the image back from an export/.test(machine.status_reason),
      ],
      ['off', true],
    );
    assert.equal((await layer()).state, 'quarantined');
    const { attributes } = await does('imageGet', image);
    assert.deepEqual(
      [attributes.status, /is damaged/.test(attributes.status_reason)],
      ['failed', true],
    );
    assert.equal((await does('imageAssign', image, { machine_ids: [other] })).client_code, 4210);
  });

  it('finds by its scrub what rotted after it was used; machines that are on go on, and do not start on it again', async (t) => {
    const { clock, advance } = movableClock();
    const { h, does, install, headOf } = await settled(t, { clock });
    const [id = 0] = h.machines;
    const image = await install([h.editor.id]);
    await does('imageAssign', image, { machine_ids: [id] });
    await does('machineStart', id);
    const head = await headOf(image);
    assert.notEqual(
      seenLayer(await h.store.read('system', (work) => work.layers.get(head))).verifiedAt,
      null,
    );
    await h.engine.rot(head);
    for (const _ of [1, 2, 3]) await h.service.reconciler.task('verify');
    assert.equal((await does('imageGet', image)).attributes.status, 'available');
    advance(31 * 24 * 3600_000);
    for (const _ of [1, 2, 3]) await h.service.reconciler.task('verify');
    assert.equal((await does('imageGet', image)).attributes.status, 'failed');
    assert.equal((await does('machineGet', id)).attributes.friendly_status, 'ready');
    await does('machineStop', id);
    await does('machineStart', id);
    assert.match((await does('machineGet', id)).attributes.status_reason, /is damaged/);
    const kept = await h.store.read('system', (work) => work.machines.get(id as MachineId));
    assert.notEqual(kept.diskId, null);
  });
});

describe('a quarantine', () => {
  async function quarantined(t: TestContext, how: 'rot' | 'lose', withDigest = true) {
    const { clock, advance } = movableClock();
    const all = await settled(t, { clock });
    const { h, does, install, headOf } = all;
    const images = [await install([h.editor.id]), await install([h.editor.id, h.browser.id])];
    const head = await headOf(images[0] ?? 0);
    const tasks = async (name: 'verify' | 'sweep', times = 1) => {
      for (let n = 0; n < times; n++) await h.service.reconciler.task(name);
    };
    const statuses = async () =>
      Promise.all(
        images.map(async (id) => (await does('imageGet', id)).attributes.status as string),
      );
    const layer = async () =>
      seenLayer(await h.store.read('system', (work) => work.layers.get(head)));
    if (withDigest) await tasks('verify', 5);
    await h.engine[how](head);
    advance(31 * 24 * 3600_000);
    await tasks('verify', 5);
    await tasks('sweep');
    assert.deepEqual([(await layer()).state, (await layer()).key], ['quarantined', null]);
    assert.deepEqual(await statuses(), ['failed', 'failed']);
    return { ...all, head, images, tasks, statuses, layer };
  }

  for (const how of ['rot', 'lose'] as const) {
    it(`ends by itself when a layer that ${how === 'rot' ? 'rotted' : 'was missing'} is what it was: images and builds use it again`, async (t) => {
      const { h, does, install, head, tasks, statuses, layer, images } = await quarantined(t, how);
      await tasks('sweep', 2);
      assert.deepEqual(await statuses(), ['failed', 'failed']);
      await h.engine.mend(head);
      await tasks('sweep');
      assert.deepEqual(await statuses(), ['available', 'available']);
      const { state, fault, lostKey } = await layer();
      assert.deepEqual([state, fault, lostKey], ['sealed', null, null]);
      const { steps } = await does('imageLog', await install([h.editor.id]));
      assert.deepEqual(
        steps.map((step: { cache: string }) => step.cache),
        ['hit'],
      );
      await does('imageAssign', images[1] ?? 0, { machine_ids: [h.machines[0]] });
      await does('machineStart', h.machines[0] ?? 0);
      assert.equal(
        (await does('machineGet', h.machines[0] ?? 0)).attributes.friendly_status,
        'ready',
      );
    });
  }

  it('that ends leaves the key to the layer that was built in its place', async (t) => {
    const { h, install, headOf, head, tasks, statuses, layer } = await quarantined(t, 'lose');
    const heir = await headOf(await install([h.editor.id]));
    assert.notEqual(heir, head);
    await h.engine.mend(head);
    await tasks('sweep');
    assert.deepEqual(await statuses(), ['available', 'available']);
    assert.deepEqual([(await layer()).state, (await layer()).key], ['sealed', null]);
    assert.equal(await headOf(await install([h.editor.id])), heir);
  });

  it('of a layer whose digest was never taken does not end by itself', async (t) => {
    const { h, head, tasks, statuses } = await quarantined(t, 'lose', false);
    await h.engine.mend(head);
    await tasks('sweep', 2);
    assert.deepEqual(await statuses(), ['failed', 'failed']);
  });

  it('of a layer in the middle of a chain leaves an image failed as long as another one is damaged', async (t) => {
    const { h, headOf, head, tasks, statuses, images } = await quarantined(t, 'lose');
    const upper = await headOf(images[1] ?? 0);
    await h.engine.lose(upper);
    await tasks('sweep');
    await h.engine.mend(head);
    await tasks('sweep');
    assert.deepEqual(await statuses(), ['available', 'failed']);
    await h.engine.mend(upper);
    await tasks('sweep');
    assert.deepEqual(await statuses(), ['available', 'available']);
  });
});

describe('the build cache', () => {
  it('gives way, the step used longest ago first, but never what an image or another step stands on', async (t) => {
    const { h, does, install, headOf } = await settled(t, {
      settings: { cacheBytesMax: 1, keepImageMs: 0 },
    });
    const used = await install([h.editor.id]);
    const idle = await install([h.editor.id, h.browser.id]);
    const [low, high] = [await headOf(used), await headOf(idle)];
    await does('imageDelete', idle);
    await h.service.reconciler.task('collect');
    const { layers } = await h.engine.inventory();
    assert.deepEqual([layers.has(low), layers.has(high)], [true, false]);
    // What left the cache is built again; what stayed is found.
    const again = await install([h.editor.id, h.browser.id]);
    const { steps } = await does('imageLog', again);
    assert.deepEqual(
      steps.map((step: { cache: string }) => step.cache),
      ['hit', 'miss'],
    );
  });
});

describe('the disk of the host', () => {
  const gb = 1024 ** 3;

  it('is not filled: what would not fit is refused with both numbers, and from 95 % on everything new', async (t) => {
    const { h, does, install } = await settled(t);
    const fill = async (freeGb: number) => {
      h.engine.setCapacity({ totalBytes: 100 * gb, freeBytes: freeGb * gb });
      await h.service.reconciler.task('measure');
    };
    await fill(6.5);
    const asked = { body: { software_ids: [h.editor.id, h.browser.id] } };
    const refused = (await h.call('imageInstall', asked)).body;
    assert.deepEqual(
      [refused.client_code, /may take 3.4 GB and 1.5 GB are left/.test(refused.message)],
      [503, true],
    );
    // A step that is there takes nothing.
    await install([h.editor.id]);
    await fill(7.2);
    assert.equal((await h.call('imageInstall', asked)).status, 200);
    await fill(5);
    const full = (await h.call('imageInstall')).body;
    assert.match(full.message, /95 % full \(95 of 100 GB\)/);
    const [id = 0] = h.machines;
    await does('machineStart', id);
    await does('machineStop', id);
    assert.equal((await h.call('imageCapture', { body: { machine_id: id } })).status, 503);
  });
});

describe('compaction', () => {
  it('shortens long chains in the background; content, disks and images stay as they are', async (t) => {
    const { h, does, install, headOf } = await settled(t);
    const [id = 0] = h.machines;
    await does('imageAssign', await install([h.editor.id]), { machine_ids: [id] });
    const images: number[] = [];
    for (let round = 0; round < 10; round++) {
      await does('machineStart', id);
      const { diskId } = await h.store.read('system', (work) => work.machines.get(id as MachineId));
      await h.engine.writeToDisk(diskId as DiskId, `round ${round}`);
      await does('machineStop', id);
      images.push((await does('imageCapture', id, { machine_id: id })).attributes.id);
    }
    const { diskId } = await h.store.read('system', (work) => work.machines.get(id as MachineId));
    const before = h.engine.contentOf(diskId as DiskId);
    const lengths = async () => {
      const heads = await Promise.all(images.map(headOf));
      return Promise.all(
        heads.map((head) =>
          h.store.read('system', async (work) => (await work.layers.chain(head)).length),
        ),
      );
    };
    assert.equal(Math.max(...(await lengths())), 12);
    for (let round = 0; round < 4; round++) {
      await h.service.reconciler.task('compact');
      await h.service.reconciler.settle();
    }
    assert.deepEqual(await lengths(), [3, 4, 5, 6, 7, 8, 3, 4, 5, 6]);
    assert.deepEqual(h.engine.contentOf(diskId as DiskId), before);
    assert.equal((await does('machineStart', id)).client_code, 200);
    assert.equal((await does('machineGet', id)).attributes.friendly_status, 'ready');
  });

  it('writes no layer anew from one that is damaged', async (t) => {
    const { h, does, install, headOf } = await settled(t);
    const [id = 0] = h.machines;
    await does('imageAssign', await install([h.editor.id]), { machine_ids: [id] });
    let image = 0;
    for (let round = 0; round < 8; round++) {
      await does('machineStart', id);
      await does('machineStop', id);
      image = (await does('imageCapture', id, { machine_id: id })).attributes.id;
    }
    const head = await headOf(image);
    const chain = () => h.store.read('system', (work) => work.layers.chain(head));
    const before = await chain();
    const damaged = before[3]?.id as LayerId;
    await h.engine.rot(damaged);
    await h.store.write('system', (work) =>
      work.layerCopies.update(localCopy(damaged), { state: 'quarantined' }),
    );
    await h.service.reconciler.task('compact');
    await h.service.reconciler.settle();
    assert.equal((await chain()).length, before.length);
    await h.store.write('system', (work) =>
      work.layerCopies.update(localCopy(damaged), { state: 'sound' }),
    );
    await h.service.reconciler.task('compact');
    await h.service.reconciler.settle();
    assert.ok((await chain()).length < before.length);
  });
});
