// Backups that are made while jobs run: a backup that succeeds has every layer that its disks use.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { failedForNow } from '../../src/domain/error.ts';
import type { DiskId, MachineId } from '../../src/domain/ids.ts';
import { requirePart } from '../../src/engine/optional/parts.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { openSimulator } from '../../src/engine/simulator/engine.ts';
import { backUp } from '../../src/server/backup.ts';
import { restore } from '../../src/server/restore.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { movableClock, temporaryFolder } from '../support.ts';
import { startHarness } from './harness.ts';

const never = () => {};

async function withDisk(t: TestContext, options: Parameters<typeof startHarness>[1] = {}) {
  const h = await startHarness(t, { reconcile: false, ...options });
  const [id = 0] = h.machines;
  for (const name of ['machineStart', 'machineStop'] as const) {
    await h.call(name, { params: { id } });
    await h.service.reconciler.settle();
  }
  const { diskId } = await h.store.read('system', (work) => work.machines.get(id as MachineId));
  await h.engine.writeToDisk(diskId as DiskId, 'precious');
  const rooms = { store: h.store, engine: h.engine as Engine, dataDir: h.dataDir };
  /**
   * Restores the backup into a new data directory, and returns the content of the machine's disk
   * there.
   */
  const restored = async (folder: string) => {
    const dataDir = join(await temporaryFolder(t), 'restored');
    await restore(folder, dataDir, 'operator:test');
    const engine = await openSimulator({ root: join(dataDir, 'engine'), clock: h.clock, speed: 0 });
    const store = await openSqlite({ dataDir, now: h.clock.now });
    const { machine, frozen } = await store.read('system', async (work) => ({
      machine: await work.machines.get(id as MachineId),
      frozen: await work.host.frozen(),
    }));
    await store.close();
    return { content: engine.contentOf(machine.diskId as DiskId), frozen };
  };
  return { h, id, rooms, restored, folder: join(await temporaryFolder(t), 'backup') };
}

describe('a backup', () => {
  it('has a layer that a capture has sealed at the engine but not recorded yet', async (t) => {
    const wrapEngine = (engine: Engine): Engine => ({
      ...engine,
      async buildLayer(spec, given) {
        if (spec.label === 'The generalisation') throw failedForNow('Not now.');
        return engine.buildLayer(spec, given);
      },
    });
    const { h, id, rooms, restored, folder } = await withDisk(t, { wrapEngine });
    await h.call('imageCapture', { body: { machine_id: id, generalize: true } });
    await h.service.reconciler.pass();
    const waiting = async () =>
      (await h.store.read('system', (work) => work.jobs.open(10)))[0]?.state;
    while ((await waiting()) !== 'queued') await new Promise((resolve) => setImmediate(resolve));
    const { missing } = await backUp(rooms, folder, { keys: true });
    assert.deepEqual(missing, []);
    const { content, frozen } = await restored(folder);
    assert.deepEqual([content.at(-1), frozen], ['precious', []]);
  });

  it('that begins while the reconciler reads the queue delays a capture that has not begun', async (t) => {
    const hooks: { looked: () => Promise<void> | void } = { looked: never };
    const wrapStore = (store: Store): Store => ({
      ...store,
      async read(scope, work) {
        const result = await store.read(scope, work);
        if (typeof result === 'object' && result !== null && 'due' in result && 'limits' in result)
          await hooks.looked();
        return result;
      },
    });
    const { h, id, rooms, restored, folder } = await withDisk(t, { wrapStore });
    const [copying, resume] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const engine: Engine = {
      ...rooms.engine,
      backup: {
        async copy(spec, given) {
          copying.resolve();
          await resume.promise;
          return requirePart(rooms.engine, 'backup').copy(spec, given);
        },
      },
    };
    const { body } = await h.call('imageCapture', { body: { machine_id: id } });
    let made: ReturnType<typeof backUp> | undefined;
    hooks.looked = async () => {
      hooks.looked = never;
      made = backUp({ ...rooms, engine }, folder, { keys: true });
      await copying.promise;
    };
    await h.service.reconciler.pass();
    const status = async () =>
      (await h.call('imageGet', { params: { id: body.attributes.id } })).body.attributes.status;
    assert.equal(await status(), 'pending');
    resume.resolve();
    assert.deepEqual((await made)?.missing, []);
    assert.equal((await restored(folder)).content.at(-1), 'precious');
    await h.service.reconciler.settle();
    assert.equal(await status(), 'available');
  });

  it('has no templates, so a restored server makes them anew and keeps the layers on which disks stand', async (t) => {
    const { h, rooms, folder } = await withDisk(t, { settings: { templatePolicy: 'always' } });
    const { reconciler } = h.service;
    const { body } = await h.call('imageInstall', { body: { software_ids: [h.viewer.id] } });
    await reconciler.settle();
    const params = { id: body.attributes.id };
    await h.call('imageAssign', { params, body: { machine_ids: h.machines } });
    for (let count = 0; count < 2; count++) {
      await reconciler.task('template');
      await reconciler.settle();
    }
    for (const id of h.machines) await h.call('machineStart', { params: { id } });
    await reconciler.settle();
    const used = await h.store.read('system', async (work) => ({
      templates: await work.templates.list(),
      layers: await work.layers.ids(),
    }));
    assert.ok(used.templates.some(({ state }) => state === 'ready'));
    await backUp(rooms, folder, { keys: true });
    const dataDir = join(await temporaryFolder(t), 'restored');
    await restore(folder, dataDir, 'operator:test');
    const store = await openSqlite({ dataDir, now: h.clock.now });
    const kept = await store.read('system', async (work) => ({
      templates: await work.templates.list(),
      layers: await work.layers.ids(),
    }));
    await store.close();
    assert.deepEqual(kept, { templates: [], layers: used.layers });
  });

  it('that died no longer freezes anything after the clock is set back', async (t) => {
    const { clock, jump } = movableClock();
    const { h } = await withDisk(t, { clock });
    await h.store.write('system', (work) => work.host.freeze('disks', 'dead'));
    assert.deepEqual(await h.store.read('system', (work) => work.host.frozen()), ['disks']);
    jump(-24 * 3600_000);
    assert.deepEqual(await h.store.read('system', (work) => work.host.frozen()), []);
  });
});
