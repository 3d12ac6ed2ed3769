// No organisation waits behind the work of another one, and no job reads again what another one
// reads.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LayerId } from '../../src/domain/ids.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { virtualClock } from '../support.ts';
import { startHarness } from './harness.ts';
import { settled } from './settled.ts';

describe('an organisation', () => {
  it('has its start claimed with the first, though another one asked for many more before', async (t) => {
    const h = await startHarness(t, { reconcile: false, clock: virtualClock() });
    const many: number[] = [];
    for (let count = 0; count < 20; count++) many.push((await h.addMachine(h.ours)).id);
    const few = (await h.addMachine(h.theirs)).id;
    for (const id of many) await h.call('machineStart', { params: { id } });
    await h.call('machineStart', { params: { id: few } }, h.keys.theirs);
    await h.service.reconciler.pass();
    const begun = await h.store.read('system', async (work) =>
      (await work.jobs.open(100)).filter(({ attempts }) => attempts > 0),
    );
    assert.ok(begun.some(({ machineId }) => machineId === few));
    assert.ok(begun.length > 1 && begun.length < many.length);
    await h.service.reconciler.settle();
    assert.deepEqual(await h.store.read('system', (work) => work.jobs.open(100)), []);
  });
});

describe('eight starts of a new image', () => {
  it('read each of its layers once', async (t) => {
    const reads = new Map<LayerId, number>();
    const wrapEngine = (engine: Engine): Engine => {
      const { verify } = engine;
      assert.ok(verify);
      return {
        ...engine,
        verify: {
          ...verify,
          digest(spec, call) {
            reads.set(spec.layerId, (reads.get(spec.layerId) ?? 0) + 1);
            return verify.digest(spec, call);
          },
        },
      };
    };
    const { h, install, headOf, settle } = await settled(t, { wrapEngine });
    const image = await install([h.editor.id]);
    const ids: number[] = [];
    for (let count = 0; count < 8; count++) ids.push((await h.addMachine(h.ours)).id);
    await h.call('imageAssign', { params: { id: image }, body: { machine_ids: ids } });
    reads.clear();
    for (const id of ids) await h.call('machineStart', { params: { id } });
    await settle();
    for (const id of ids) assert.ok(await h.machineIs(id, 'ready'));
    assert.ok(reads.has(await headOf(image)));
    assert.deepEqual([...new Set(reads.values())], [1]);
    await h.service.reconciler.task('verify');
    assert.deepEqual([...new Set(reads.values())], [1]);
  });
});
