// Images whose making is cancelled.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DiskId, MachineId } from '../../src/domain/ids.ts';
import type { Call } from '../../src/engine/port/call.ts';
import { type Scope, waitFor } from '../support.ts';
import { startHarness } from './harness.ts';

type Verb = 'buildLayer' | 'sealDisk';

/**
 * Starts a service whose engine holds a verb after its work is done, until it is let go or its
 * signal aborts.
 */
async function holding(t: Scope, held: Verb, reconcile = true) {
  let isHeld = false;
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const h = await startHarness(t, {
    reconcile,
    wrapEngine: (engine) =>
      new Proxy(engine, {
        get(target, name) {
          const verb = Reflect.get(target, name);
          if (name !== held || typeof verb !== 'function') return verb;
          return async (spec: unknown, call: Call) => {
            const result = await verb.call(target, spec, call);
            isHeld = true;
            const aborted = new Promise((_, reject) => {
              call.signal.addEventListener('abort', () => reject(call.signal.reason));
            });
            await Promise.race([gate, aborted]);
            return result;
          };
        },
      }),
  });
  const [machine = 0] = h.machines;
  return {
    ...{ h, machine, letGo },
    held: () => waitFor(`${held} is held`, () => isHeld),
    cancel: async (id: number) => (await h.call('imageCancel', { params: { id } })).body,
    get: async (id: number) => (await h.call('imageGet', { params: { id } })).body.attributes,
    install: async (titles: number[] = []) =>
      (await h.call('imageInstall', { body: { software_ids: titles } })).body.attributes.id,
  };
}

async function withDisk({ h, machine }: Awaited<ReturnType<typeof holding>>): Promise<DiskId> {
  await h.call('machineStart', { params: { id: machine } });
  await h.machineIs(machine, 'ready');
  await h.call('machineStop', { params: { id: machine } });
  await h.machineIs(machine, 'off');
  const { diskId } = await h.store.read(h.ours, (work) => work.machines.get(machine as MachineId));
  assert.ok(diskId);
  await h.engine.writeToDisk(diskId, 'a note');
  return diskId;
}

describe('imageCancel', () => {
  it('ends a build that runs, and a later build makes what it left unmade', async (t) => {
    const s = await holding(t, 'buildLayer');
    const id = await s.install([s.h.editor.id]);
    await s.held();
    assert.equal((await s.cancel(id)).client_code, 200);
    const image = await s.h.imageSettled(id);
    assert.deepEqual([image.status, image.status_reason], ['failed', 'cancelled']);
    assert.deepEqual([(await s.cancel(id)).client_code, (await s.get(id)).phase], [200, null]);
    s.letGo();
    const again = await s.h.imageSettled(await s.install([s.h.editor.id]));
    assert.equal(again.status, 'available');
  });

  it('ends a capture that runs; the machine is off with its content, and can be captured', async (t) => {
    const s = await holding(t, 'sealDisk');
    const diskId = await withDisk(s);
    const capture = async () =>
      (await s.h.call('imageCapture', { body: { machine_id: s.machine } })).body.attributes.id;
    const id = await capture();
    await s.held();
    assert.equal((await s.cancel(id)).client_code, 200);
    assert.equal((await s.h.imageSettled(id)).status_reason, 'cancelled');
    await s.h.machineIs(s.machine, 'off');
    assert.ok(s.h.engine.contentOf(diskId).includes('a note'));
    s.letGo();
    assert.equal((await s.h.imageSettled(await capture())).status, 'available');
  });

  it('ends a capture that has not begun, at once', async (t) => {
    const s = await holding(t, 'sealDisk');
    await withDisk(s);
    await s.h.service.reconciler.stop();
    const body = { machine_id: s.machine };
    const { id } = (await s.h.call('imageCapture', { body })).body.attributes;
    assert.equal((await s.cancel(id)).attributes.status, 'failed');
    assert.equal((await s.get(id)).status_reason, 'cancelled');
    await s.h.machineIs(s.machine, 'off');
  });

  it('ends a job whose server has died, when the next server claims it', async (t) => {
    const s = await holding(t, 'buildLayer', false);
    const id = await s.install([s.h.editor.id]);
    await s.h.store.write('system', async (work) => {
      const [job] = await work.jobs.ofImages([id]);
      assert.ok(job);
      await work.jobs.claim([job.id], 'dead', 1);
      await work.images.become(id, 'building');
    });
    assert.equal((await s.cancel(id)).attributes.status, 'building');
    await s.h.clock.sleep(2);
    await s.h.service.reconciler.settle();
    assert.equal((await s.get(id)).status_reason, 'cancelled');
    const { jobs } = await s.h.store.read('system', async (work) => ({
      jobs: await work.jobs.open(10),
    }));
    assert.deepEqual(jobs, []);
  });

  it('is refused for an image that is made or has failed, and for one that is not there', async (t) => {
    const s = await holding(t, 'sealDisk');
    const [made, failed] = [await s.install(), await s.install([s.h.broken.id])];
    for (const id of [made, failed]) {
      const { status } = await s.h.imageSettled(id);
      const { client_code, message } = await s.cancel(id);
      assert.equal(client_code, 4201);
      assert.match(message, new RegExp(`Image ${id} is ${status}`));
    }
    assert.equal((await s.cancel(999)).client_code, 404);
  });

  it('never leaves an image that it answered for available', async (t) => {
    const s = await holding(t, 'sealDisk');
    await s.h.store.write('system', (work) =>
      work.organisations.setQuotas(s.h.ours, { builds: 100 }),
    );
    const ids = await Promise.all(Array.from({ length: 40 }, () => s.install([s.h.editor.id])));
    const answers = await Promise.all(ids.map((id) => s.cancel(id)));
    for (const [index, id] of ids.entries()) {
      const { status, status_reason } = await s.h.imageSettled(id);
      const isCancelled = answers[index].client_code === 200;
      assert.equal(status, isCancelled ? 'failed' : 'available', String(status_reason));
    }
  });
});
