// Verification finds layers whose bytes have changed, and quarantines them.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { shownLayer } from '../../src/domain/layer.ts';
import { movableClock } from '../support.ts';
import { settled } from './settled.ts';

describe('verification', () => {
  it('takes digests in the background, and finds a changed layer before a machine starts on it', async (t) => {
    const { h, does, install, headOf } = await settled(t);
    const [id = 0, other = 0] = h.machines;
    const image = await install([h.editor.id]);
    const head = await headOf(image);
    const layer = async () =>
      shownLayer(await h.store.read('system', (work) => work.layers.get(head)));
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

  it('finds a used layer that rotted; running machines stay on, but cannot start again', async (t) => {
    const { clock, advance } = movableClock();
    const { h, does, install, headOf } = await settled(t, { clock });
    const [id = 0] = h.machines;
    const image = await install([h.editor.id]);
    await does('imageAssign', image, { machine_ids: [id] });
    await does('machineStart', id);
    const head = await headOf(image);
    assert.notEqual(
      shownLayer(await h.store.read('system', (work) => work.layers.get(head))).verifiedAt,
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
      shownLayer(await h.store.read('system', (work) => work.layers.get(head)));
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
    it(`ends by itself when a layer that ${how === 'rot' ? 'rotted' : 'was missing'} has its bytes again, and images and builds use it again`, async (t) => {
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

  it('leaves the key to the layer that was built meanwhile when it ends', async (t) => {
    const { h, install, headOf, head, tasks, statuses, layer } = await quarantined(t, 'lose');
    const heir = await headOf(await install([h.editor.id]));
    assert.notEqual(heir, head);
    await h.engine.mend(head);
    await tasks('sweep');
    assert.deepEqual(await statuses(), ['available', 'available']);
    assert.deepEqual([(await layer()).state, (await layer()).key], ['sealed', null]);
    assert.equal(await headOf(await install([h.editor.id])), heir);
  });

  it('does not end by itself for a layer whose digest was never taken', async (t) => {
    const { h, head, tasks, statuses } = await quarantined(t, 'lose', false);
    await h.engine.mend(head);
    await tasks('sweep', 2);
    assert.deepEqual(await statuses(), ['failed', 'failed']);
  });

  it('leaves an image failed as long as any layer of its chain is damaged', async (t) => {
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
