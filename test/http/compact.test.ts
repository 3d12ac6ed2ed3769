// Compaction: it shortens long chains, writes no damaged bytes into a sound layer, and leaves no
// trace of a rewrite that failed.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { failedForGood, failedForNow } from '../../src/domain/error.ts';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { shownLayer } from '../../src/domain/layer.ts';
import { localCopy } from '../../src/domain/layer-copy.ts';
import type { Compact } from '../../src/engine/optional/compact.ts';
import { requirePart } from '../../src/engine/optional/parts.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { movableClock } from '../support.ts';
import { settled } from './settled.ts';

type Rewrite = Compact['rewrite'];

/** Makes a chain of ten layers with digests, ready to be compacted; `around` wraps the engine.
 */
async function tall(t: TestContext, around: (rewrite: Rewrite) => Rewrite = (rewrite) => rewrite) {
  const { clock, advance } = movableClock();
  let armed = false;
  const wrapEngine = (engine: Engine): Engine => ({
    ...engine,
    compact: {
      rewrite(spec, given) {
        const { rewrite } = requirePart(engine, 'compact');
        return (armed ? around(rewrite) : rewrite)(spec, given);
      },
    },
  });
  const { h, id, does, machine, headOf } = await settled(t, { clock, wrapEngine });
  const { reconciler } = h.service;
  const tasks = async (name: 'verify' | 'sweep' | 'compact', times = 1) => {
    for (let n = 0; n < times; n++) {
      await reconciler.task(name);
      await reconciler.settle();
    }
  };
  let image = 0;
  await does('machineStart', id);
  await does('machineStop', id);
  for (let round = 0; round < 8; round++) {
    await h.engine.writeToDisk((await machine()).diskId as DiskId, `round ${round}`);
    image = (await does('imageCapture', id, { machine_id: id })).attributes.id;
  }
  await tasks('verify', 3);
  const head = await headOf(image);
  const chain = await h.store.read('system', (work) => work.layers.chain(head));
  const layer = async (of: LayerId) =>
    shownLayer(await h.store.read('system', (work) => work.layers.get(of)));
  const status = async () => (await does('imageGet', image)).attributes.status;
  const compact = () => {
    armed = true;
    return tasks('compact');
  };
  assert.ok(chain.length > 8 && chain.every((one) => shownLayer(one).digest !== null));
  return {
    h,
    head,
    chain,
    middle: chain[3]?.id as LayerId,
    layer,
    status,
    compact,
    tasks,
    advance,
  };
}

describe('compaction', () => {
  it('shortens long chains in the background, and leaves content, disks and images as they are', async (t) => {
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

  it('rewrites no layer from a damaged one', async (t) => {
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

describe('compaction beside damage', () => {
  it('finds damage that no scrub has found, before it copies the bytes', async (t) => {
    const { h, head, middle, layer, status, compact, tasks } = await tall(t);
    await h.engine.rot(middle);
    await compact();
    assert.equal((await layer(middle)).state, 'quarantined');
    assert.equal(await status(), 'failed');
    assert.notEqual((await layer(head)).digest, null);
    await h.engine.mend(middle);
    await tasks('sweep');
    assert.equal(await status(), 'available');
    await compact();
    assert.equal(await status(), 'available');
    assert.ok((await h.store.read('system', (work) => work.layers.chain(head))).length <= 8);
  });

  it('does not trust bytes that it wrote while a layer below was found to be damaged', async (t) => {
    const found: { rot?: () => Promise<void> } = {};
    const { h, head, middle, layer, status, compact, tasks, advance } = await tall(
      t,
      (rewrite) => async (spec, given) => {
        await found.rot?.();
        return rewrite(spec, given);
      },
    );
    found.rot = async () => {
      delete found.rot;
      await h.engine.rot(middle);
      advance(31 * 24 * 3600_000);
      for (let n = 0; n < 12; n++) await h.service.reconciler.task('verify');
      assert.equal((await layer(middle)).state, 'quarantined');
    };
    await compact();
    assert.deepEqual([(await layer(head)).state, await status()], ['quarantined', 'failed']);
    await h.engine.mend(middle);
    await tasks('sweep', 2);
    assert.deepEqual([(await layer(head)).state, await status()], ['quarantined', 'failed']);
  });

  it('that fails for good leaves the digest of the unchanged bytes, by which a repair recognises them', async (t) => {
    const { h, head, layer, status, compact, tasks } = await tall(t, () => async () => {
      throw failedForGood('The layer cannot be written anew.');
    });
    const { digest } = await layer(head);
    await compact();
    assert.deepEqual([(await layer(head)).digest, (await layer(head)).jobId], [digest, null]);
    await h.engine.lose(head);
    await tasks('sweep');
    assert.equal(await status(), 'failed');
    await h.engine.mend(head);
    await tasks('sweep');
    assert.equal(await status(), 'available');
  });

  it('releases a layer when there is nothing left to do', async (t) => {
    let tries = 0;
    const found: { lose?: () => Promise<void> } = {};
    const { h, head, middle, layer, compact, tasks } = await tall(
      t,
      (rewrite) => async (spec, given) => {
        if (tries++ > 0) return rewrite(spec, given);
        await found.lose?.();
        throw failedForNow('Not now.');
      },
    );
    found.lose = async () => {
      await h.engine.lose(middle);
      await h.service.reconciler.task('sweep');
    };
    await compact();
    assert.equal((await layer(head)).jobId, null);
    await h.engine.mend(middle);
    await tasks('sweep');
    await h.engine.lose(head);
    await tasks('sweep');
    assert.equal((await layer(head)).state, 'quarantined');
  });
});
