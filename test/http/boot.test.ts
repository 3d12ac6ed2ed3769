// A base's boot profile holds for the images and machines that are made from the base.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { baseAdd } from '../../src/app/operator/base.ts';
import type { MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { operatorOn } from '../operator.ts';
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
    assert.deepEqual(layer.boot, boot);
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
});
