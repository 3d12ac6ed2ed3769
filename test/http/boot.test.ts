// A base's boot profile holds for the images and machines that are made from the base.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { baseAdd, baseList } from '../../src/app/operator/base.ts';
import { layerBoard } from '../../src/app/operator/layer-board.ts';
import { bootWords, givenBoot } from '../../src/domain/boot.ts';
import type { LayerId, MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { openSimulator } from '../../src/engine/simulator/engine.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { prepareEngine } from '../../src/server/service.ts';
import { call } from '../call.ts';
import { layerId } from '../contract/engine/world.ts';
import { operatorOn } from '../operator.ts';
import { temporaryFolder } from '../support.ts';
import { startHarness } from './harness.ts';

describe('a boot profile', () => {
  it('gives the least disk of its base, and the time that a machine on it has to become ready', async (t) => {
    const h = await startHarness(t, { reconcile: false, settings: { readyMs: 3600_000 } });
    const disk = join(h.dataDir, 'slow.raw');
    await writeFile(disk, 'a disk, sim-never-ready');
    const boot = { mode: 'bios', leastDiskBytes: 7 * gbBytes, readyMs: 20 } as const;
    const base = await baseAdd(operatorOn(h.store), h.engine, {
      name: 'Slow',
      files: { disk },
      boot,
    });
    assert.equal(base.sizeGb, 7);
    const layer = await h.store.read('system', (work) => work.layers.get(base.layerId));
    assert.deepEqual(layer.boot, { ...boot, board: 'sim-2' });
    const image = (await h.call('imageInstall', { body: { base_image_id: base.id } })).body;
    assert.ok(image.attributes.size >= 7);
    await h.service.reconciler.settle();
    const [id = 0] = h.machines;
    await h.call('imageAssign', { params: { id: image.id }, body: { machine_ids: [id] } });
    await h.call('machineStart', { params: { id } });
    await h.service.reconciler.settle();
    const machine = await h.store.read('system', (work) => work.machines.get(id as MachineId));
    assert.equal(machine.status, 'off');
    assert.match(machine.statusReason ?? '', /was not ready within 0 s/);
  });

  it('keeps its board over an upgrade of the host, and says so when the host has lost it', async (t) => {
    const folder = await temporaryFolder(t);
    const [one, two] = [layerId(), layerId()];
    const before = await openSimulator({
      root: folder,
      clock: systemClock,
      speed: 1,
      boards: ['b-1'],
    });
    const after = await openSimulator({
      root: folder,
      clock: systemClock,
      speed: 1,
      boards: ['b-2', 'b-1'],
    });
    const lost = await openSimulator({
      root: folder,
      clock: systemClock,
      speed: 1,
      boards: ['b-3'],
    });
    const settle = (engine: typeof before, id: LayerId, more = {}) =>
      engine.bootCheck.settle({ layerId: id, boot: { mode: 'found', ...more } }, call);
    const old = await settle(before, one);
    assert.deepEqual(old, { mode: 'bios', board: 'b-1' });
    assert.deepEqual(await settle(after, two), { mode: 'bios', board: 'b-2' });
    assert.equal(await after.bootCheck.fault({ boot: old, baseLayerId: one }, call), null);
    assert.match(
      (await lost.bootCheck.fault({ boot: old, baseLayerId: one }, call))?.says ?? '',
      /has the board b-1, and there are b-3: silversmith base board/,
    );
    await assert.rejects(settle(lost, two, { board: 'b-1' }), /no board b-1; give one of: b-3/);
  });

  it('has a board, which only the operator changes', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const [base] = await baseList(h.store);
    assert.ok(base?.boot);
    const changed = await layerBoard(operatorOn(h.store), h.engine, base.layerId, 'sim-1');
    assert.equal(changed.boot.board, 'sim-1');
    await assert.rejects(
      layerBoard(operatorOn(h.store), h.engine, base.layerId, 'pc-9'),
      /no board pc-9; give one of: sim-2, sim-1/,
    );
    const board = async () => (await baseList(h.store))[0]?.boot?.board;
    assert.equal(await board(), 'sim-1');
    // A root of an earlier version has none, and gets that of the host when a server starts.
    await h.store.write('system', (work) =>
      work.layers.update(base.layerId, { boot: { mode: 'bios' } }),
    );
    await prepareEngine(h.store, h.engine, {});
    assert.equal(await board(), 'sim-2');
    await layerBoard(operatorOn(h.store), h.engine, base.layerId, 'sim-1');
    await prepareEngine(h.store, h.engine, {});
    assert.equal(await board(), 'sim-1');
  });

  it('keeps what the operator asks for, and refuses a firmware beside a kernel', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const disk = join(h.dataDir, 'secure.raw');
    await writeFile(disk, 'a disk for uefi');
    const wish = { firmware: 'uefi-secure', tpm: true, stateCopy: 'all' } as const;
    const boot = givenBoot(wish, false);
    const files = { disk };
    const base = await baseAdd(operatorOn(h.store), h.engine, { name: 'Secure', files, boot });
    const layer = await h.store.read('system', (work) => work.layers.get(base.layerId));
    const kept = { mode: 'uefi-secure', tpm: true, stateCopy: 'all', board: 'sim-2' } as const;
    assert.deepEqual(layer.boot, kept);
    assert.equal(
      bootWords(kept),
      'uefi-secure, TPM 2.0, board sim-2, copies all of the state of its firmware',
    );
    assert.throws(() => givenBoot(wish, true), /A direct boot uses no firmware/);
  });
});
