// Nothing begins to use a layer that is being removed or is damaged, and the collector repairs a
// store in which something does.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { DiskId, ImageId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { evict } from '../../src/reconcile/build-cache.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { call } from '../call.ts';
import { virtualClock } from '../support.ts';
import { settled } from './settled.ts';

async function standing(t: TestContext, options: Parameters<typeof settled>[1] = {}) {
  const { h, settle, install, headOf } = await settled(t, { clock: virtualClock(), ...options });
  const image = async (id: number) =>
    (await h.call('imageGet', { params: { id } })).body.attributes;
  const collect = () => h.service.reconciler.task('collect');
  const layer = (id: LayerId) => h.store.read('system', (work) => work.layers.find(id));
  const markDeleting = (id: LayerId) =>
    h.store.write('system', (work) =>
      work.layers.update(id, { state: 'deleting', key: null, deletingAt: 0 }),
    );
  /** An image is available exactly when all its bytes are there. */
  const assertWhole = async (id: number) => {
    assert.equal((await image(id)).status, 'available');
    const head = await headOf(id);
    const chain = await h.store.read('system', (work) => work.layers.chain(head));
    const { layers } = await h.engine.inventory(call);
    for (const one of chain) assert.deepEqual([one.state, layers.has(one.id)], ['sealed', true]);
  };
  return { h, settle, install, image, headOf, collect, layer, markDeleting, assertWhole };
}

/** Calls `then` once, after the first write for which `when` holds. */
function between() {
  let when: ((store: Store) => Promise<boolean>) | null = null;
  let then: (store: Store) => Promise<void> = async () => {};
  let happened = false;
  const wrapStore = (store: Store): Store => ({
    ...store,
    async write(scope, work) {
      const result = await store.write(scope, work);
      const arm = when;
      if (arm === null || !(await arm(store))) return result;
      when = null;
      happened = true;
      await then(store);
      return result;
    },
  });
  return {
    wrapStore,
    once: (
      condition: (store: Store) => Promise<boolean>,
      does: (store: Store) => Promise<void>,
    ) => {
      [when, then] = [condition, does];
    },
    happened: () => happened,
  };
}

const sealedSteps = (count: number) => async (store: Store) =>
  (await store.read('system', (work) => work.layers.list())).filter(
    ({ kind, state }) => kind === 'software' && state === 'sealed',
  ).length === count;

describe('a build', () => {
  for (const count of [1, 2]) {
    it(`keeps its ${count} finished steps when the build cache is pruned before its end`, async (t) => {
      const hook = between();
      const { h, install, collect, assertWhole } = await standing(t, { wrapStore: hook.wrapStore });
      hook.once(sealedSteps(count), async (store) => {
        await evict(store, 0);
        await collect();
      });
      const id = await install([h.editor.id, h.browser.id]);
      assert.ok(hook.happened());
      await assertWhole(id);
      const { steps } = (await h.call('imageLog', { params: { id } })).body;
      assert.deepEqual(
        steps.map((one: { cache: string }) => one.cache),
        ['miss', 'miss'],
      );
      await collect();
    });

    it(`builds steps again that left the cache anyway after ${count} steps`, async (t) => {
      const hook = between();
      const { h, install, collect, assertWhole } = await standing(t, { wrapStore: hook.wrapStore });
      hook.once(sealedSteps(count), async (store) => {
        await store.write('system', async (work) => {
          for (const { id, inUse: _ } of await work.layers.cache())
            await work.layers.update(id, { state: 'deleting', key: null, deletingAt: 0 });
        });
        await collect();
      });
      const id = await install([h.editor.id, h.browser.id]);
      assert.ok(hook.happened());
      await assertWhole(id);
      await collect();
      await assertWhole(id);
    });
  }

  it('uses no cached step that depends on a damaged layer', async (t) => {
    const { h, install, headOf, image, assertWhole } = await standing(t);
    const [low, high] = [await install([h.editor.id]), await install([h.editor.id, h.browser.id])];
    await h.engine.removeLayer(await headOf(low), call);
    await h.service.reconciler.task('sweep');
    assert.equal((await image(high)).status, 'failed');
    await assertWhole(await install([h.editor.id, h.browser.id]));
  });
});

describe('an import', () => {
  it('becomes standalone when its base is removed before its end', async (t) => {
    const hook = between();
    const { h, settle, install, assertWhole } = await standing(t, { wrapStore: hook.wrapStore });
    const source = await install([h.editor.id]);
    const { body } = await h.call('imageExport', { params: { id: source }, body: {} });
    await settle();
    const { manifest, signature } = (await h.call('transferGet', { params: { id: body.id } })).body
      .attributes;
    const bytes = (
      await h.sendRaw({
        method: 'GET',
        path: `/organization-management/v1/transfers/${body.id}/content`,
      })
    ).body;
    const opened = await h.call('imageImport', {
      body: { size_bytes: bytes.length, manifest, signature },
    });
    const path = `/organization-management/v1/transfers/${opened.body.id}/parts/0`;
    await h.send({ method: 'POST', path, body: bytes });
    const finished = await h.call('transferFinish', { params: { id: opened.body.id } });
    hook.once(
      async (store) =>
        (await store.read('system', (work) => work.jobs.open(9))).some((one) =>
          /making/.test(one.phase),
        ),
      (store) =>
        store.write('system', (work) =>
          work.layers.update(h.base.layerId, {
            state: 'deleting',
            key: null,
            deletingAt: Number.MAX_SAFE_INTEGER,
          }),
        ),
    );
    await settle();
    assert.ok(hook.happened());
    await assertWhole(finished.body.attributes.id);
  });
});

describe('an image that is brought back', () => {
  it('fails, with the reason, when one of its layers was damaged meanwhile', async (t) => {
    const { h, install, headOf, image } = await standing(t);
    const id = await install([h.editor.id]);
    const head = await headOf(id);
    await h.call('imageDelete', { params: { id } });
    await h.engine.removeLayer(head, call);
    await h.service.reconciler.task('sweep');
    await h.call('imageRestore', { params: { id } });
    const { status, status_reason } = await image(id);
    assert.deepEqual(
      [status, /missing on the disk of the host/.test(status_reason)],
      ['failed', true],
    );
  });
});

describe('the collector', () => {
  it('removes the other layers when one cannot be removed, reports it, and removes that one later', async (t) => {
    let stuck: string[] = [];
    const { h, install, headOf, collect, layer, markDeleting } = await standing(t, {
      settings: { cacheBytesMax: 0 },
      wrapEngine: (engine) => ({
        ...engine,
        async removeLayer(id, given) {
          if (stuck.includes(id)) throw new Error('on purpose');
          return engine.removeLayer(id, given);
        },
      }),
    });
    const ids = [
      await install([h.editor.id]),
      await install([h.browser.id]),
      await install([h.viewer.id]),
    ];
    const heads = await Promise.all(ids.map(headOf));
    await h.store.write('system', async (work) => {
      for (const id of ids) await work.images.update(id as ImageId, { layerId: null });
    });
    for (const id of heads) await markDeleting(id);
    stuck = heads.slice(0, 1);
    await assert.rejects(collect(), /1 disks or layers cannot be removed/);
    assert.deepEqual(
      (await Promise.all(heads.map(layer))).map((one) => one?.state),
      ['deleting', undefined, undefined],
    );
    stuck = [];
    await collect();
    assert.equal(await layer(heads[0] as LayerId), undefined);
  });

  it('keeps layers that were marked for removal although an image uses them', async (t) => {
    const { h, install, headOf, collect, markDeleting, assertWhole } = await standing(t);
    const [low, high] = [await install([h.editor.id]), await install([h.editor.id, h.browser.id])];
    for (const id of [low, high]) await markDeleting(await headOf(id));
    const said = async () =>
      (await examine({ store: h.store, engine: h.engine, clock: h.clock })).map(
        ({ found }) => found,
      );
    assert.match((await said()).join(), /marked for removal, and something stands on it/);
    await collect();
    for (const id of [low, high]) await assertWhole(id);
    assert.deepEqual(await said(), []);
  });

  it('keeps the disk of a machine, even when it is marked for removal', async (t) => {
    const { h, settle, collect } = await standing(t);
    const [id = 0] = h.machines;
    for (const name of ['machineStart', 'machineStop'] as const) {
      await h.call(name, { params: { id } });
      await settle();
    }
    const diskId = await h.store.write('system', async (work) => {
      const machine = await work.machines.get(id as MachineId);
      await work.disks.update(machine.diskId as DiskId, { state: 'deleting', deletingAt: 0 });
      return machine.diskId as DiskId;
    });
    await collect();
    assert.equal((await h.store.read('system', (work) => work.disks.get(diskId))).state, 'active');
    assert.ok((await h.engine.inventory(call)).disks.has(diskId));
  });

  it('fails an available image whose bytes are gone, with the reason, and blocks no other work', async (t) => {
    const { h, install, headOf, image, collect, layer, markDeleting } = await standing(t, {
      settings: { keepImageMs: 0 },
    });
    const [broken, idle] = [await install([h.editor.id]), await install([h.browser.id])];
    const [gone, other] = [await headOf(broken), await headOf(idle)];
    await markDeleting(gone);
    await h.engine.removeLayer(gone, call);
    await h.call('imageDelete', { params: { id: idle } });
    await h.store.write('system', (work) => work.layers.update(other, { key: null }));
    await collect();
    const { status, status_reason } = await image(broken);
    assert.deepEqual(
      [status, /missing on the disk of the host/.test(status_reason)],
      ['failed', true],
    );
    assert.equal(await layer(other), undefined);
    await h.call('imageDelete', { params: { id: broken } });
    await collect();
    assert.equal(await layer(gone), undefined);
  });
});
