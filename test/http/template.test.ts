// Templates: they are made for images that are assigned, machines start from them, and what cannot
// be used is removed and made again.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LayerId, MachineId } from '../../src/domain/ids.ts';
import type { SizedTemplate, TemplatePolicy } from '../../src/domain/template.ts';
import { call } from '../call.ts';
import type { Scope } from '../support.ts';
import { startHarness } from './harness.ts';

type Options = Parameters<typeof startHarness>[1];

/** An image that is assigned to both machines; templates are made when a test asks for it. */
async function assigned(t: Scope, options: Options = {}) {
  const settings = { templatePolicy: 'on-assignment', ...options.settings } as const;
  const h = await startHarness(t, { reconcile: false, ...options, settings });
  const { reconciler } = h.service;
  const { body: image } = await h.call('imageInstall', { body: { software_ids: [h.viewer.id] } });
  await reconciler.settle();
  const params = { id: image.attributes.id };
  await h.call('imageAssign', { params, body: { machine_ids: h.machines } });
  const templates = () => h.store.read('system', (work) => work.templates.list());
  const only = async (): Promise<SizedTemplate> => {
    const all = await templates();
    assert.equal(all.length, 1);
    return all[0] as SizedTemplate;
  };
  /** Asks for what is wanted, and makes it. */
  const make = async () => {
    await reconciler.task('template');
    await reconciler.settle();
  };
  /** Starts a machine that is off; returns how it started. */
  const start = async (id = h.machines[0] as MachineId) => {
    await h.call('machineStart', { params: { id } });
    await reconciler.settle();
    const machine = await h.store.read('system', (work) => work.machines.get(id));
    assert.equal(machine.status, 'ready', machine.statusReason ?? '');
    return machine;
  };
  const reset = async (id = h.machines[0] as MachineId) => {
    await h.call('machineStop', { params: { id } });
    await reconciler.settle();
    assert.equal((await h.call('machineReset', { params: { id } })).status, 200);
  };
  const collect = async () => {
    for (let round = 0; round < 3; round++) await reconciler.task('collect');
  };
  const imageId = params.id;
  return { ...h, reconciler, imageId, templates, only, make, start, reset, collect };
}

const policies: TemplatePolicy[] = ['always', 'on-assignment'];

describe('templates', () => {
  it('are made for an assigned image, and its machines start from memory', async (t) => {
    const h = await assigned(t);
    const before = await h.start();
    assert.deepEqual(
      [before.startedFrom, before.startedBecause],
      ['disk', 'the image has no template yet'],
    );
    await h.make();
    const template = await h.only();
    assert.equal(template.state, 'ready');
    const second = await h.start(h.machines[1]);
    assert.deepEqual([second.startedFrom, second.startedBecause], ['memory', null]);
    const disk = await h.store.read('system', (work) => work.disks.get(second.diskId as never));
    assert.equal(disk.layerId, template.resultLayerId);
    await h.reset();
    assert.equal((await h.start()).startedFrom, 'memory');
    await h.make();
    assert.equal((await h.templates()).length, 1);
    const { body } = await h.call('machineStop', { params: { id: h.machines[0] } });
    assert.equal(body.client_code, 200);
    await h.reconciler.settle();
    assert.deepEqual((await h.start()).startedFrom, 'disk');
  });

  it('are made one at a time, and not for images that nothing is assigned to', async (t) => {
    for (const templatePolicy of policies) {
      const h = await assigned(t, { settings: { templatePolicy } });
      await h.reconciler.task('template');
      await h.reconciler.task('template');
      assert.deepEqual(
        (await h.templates()).map(({ state }) => state),
        ['making'],
      );
      await h.reconciler.settle();
      for (let round = 0; round < 4; round++) await h.make();
      const heads = new Set((await h.templates()).map(({ layerId }) => layerId));
      assert.equal(heads.has(h.base.layerId), templatePolicy === 'always');
    }
  });

  it('boot a machine whose template is damaged or lost, and are made again', async (t) => {
    const h = await assigned(t);
    for (const [text, fault] of [
      ['other bytes', /memory of its template is damaged/],
      [null, /files of its template are missing/],
    ] as const) {
      await h.make();
      const { id } = (await h.templates()).find(({ state }) => state === 'ready') ?? {};
      assert.ok(id);
      await h.engine.harmTemplate(id, 'memory', text);
      const machine = await h.start();
      assert.equal(machine.startedFrom, 'disk');
      assert.match(machine.startedBecause ?? '', fault);
      await h.reconciler.task('template');
      await h.reset();
      await h.reconciler.settle();
      await h.collect();
      await h.make();
      const again = (await h.templates()).filter(({ state }) => state === 'ready');
      assert.deepEqual(again.length, 1);
      assert.notEqual(again[0]?.id, id);
      assert.equal((await h.start()).startedFrom, 'memory');
      await h.reset();
    }
  });

  it('are made again after an upgrade, and the disks on the old ones stay whole', async (t) => {
    const h = await assigned(t);
    await h.make();
    const old = await h.only();
    const machine = await h.start();
    const content = h.engine.contentOf(machine.diskId as never);
    h.engine.setFingerprint('simulator 2');
    await h.make();
    await h.collect();
    await h.make();
    const now = await h.only();
    assert.notEqual(now.id, old.id);
    assert.deepEqual([now.state, now.fingerprint], ['ready', 'simulator 2']);
    assert.deepEqual(h.engine.contentOf(machine.diskId as never), content);
    // The layer stays for the disk of the machine, and goes with it.
    const has = async (id: LayerId | null) =>
      (await h.engine.inventory(call)).layers.has(id as LayerId);
    assert.ok(await has(old.resultLayerId));
    assert.deepEqual([...((await h.engine.instant?.templates(call)) ?? []).keys()], [now.id]);
  });

  it('go with their image, and its bytes are free again', async (t) => {
    const h = await assigned(t, { settings: { keepImageMs: 0, keepDiskMs: 0, cacheBytesMax: 0 } });
    await h.make();
    const { resultLayerId } = await h.only();
    await h.call('imageDelete', { params: { id: h.imageId } });
    for (let round = 0; round < 4; round++) {
      await h.reconciler.task('collect');
      await h.reconciler.task('template');
    }
    assert.deepEqual(await h.templates(), []);
    assert.equal((await h.engine.instant?.templates(call))?.size, 0);
    const { layers } = await h.engine.inventory(call);
    assert.ok(!layers.has(resultLayerId as LayerId));
    assert.deepEqual([...layers.keys()], [h.base.layerId]);
  });

  it('end their making when the image is deleted, and leave nothing', async (t) => {
    const h = await assigned(t);
    await h.reconciler.task('template');
    await h.call('imageDelete', { params: { id: h.imageId } });
    await h.reconciler.task('template');
    await h.reconciler.settle();
    await h.collect();
    assert.deepEqual(await h.templates(), []);
    assert.equal((await h.engine.instant?.templates(call))?.size, 0);
    await h.reconciler.task('sweep');
    assert.deepEqual(await h.store.read('system', (work) => work.host.orphans()), []);
  });

  it('say why they could not be made, and are tried again later', async (t) => {
    const h = await assigned(t, {
      wrapEngine: (engine) => ({
        ...engine,
        instant: engine.instant && {
          ...engine.instant,
          makeTemplate: async () => {
            throw new Error('a defect');
          },
        },
      }),
    });
    await h.make();
    const failed = await h.only();
    assert.equal(failed.state, 'failed');
    assert.equal(failed.failures, 1);
    assert.ok((failed.retryAt ?? 0) > failed.createdAt);
    await h.make();
    assert.equal((await h.only()).failures, 1);
    const machine = await h.start();
    assert.match(machine.startedBecause ?? '', /could not be made/);
  });

  it('take no more bytes than they may', async (t) => {
    const h = await assigned(t, { settings: { templateBytesMax: 1024 ** 2 } });
    await h.make();
    assert.deepEqual(await h.templates(), []);
    const machine = await h.start();
    assert.equal(machine.startedFrom, 'disk');
  });
});
