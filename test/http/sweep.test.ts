// The sweep finds files that the store does not know, and layers whose files are gone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DiskId } from '../../src/domain/ids.ts';
import { newId } from '../../src/lib/new-id.ts';
import { call } from '../call.ts';
import { movableClock } from '../support.ts';
import { settled } from './settled.ts';

describe('the sweep', () => {
  it('reports a file that the store does not know, and removes it after a day', async (t) => {
    const { clock, advance } = movableClock();
    const { h } = await settled(t, { clock });
    const orphan = newId<DiskId>();
    await h.engine.ensureDisk({ diskId: orphan, layerId: h.base.layerId, sizeBytes: 1 }, call);
    const sweep = async () => {
      await h.service.reconciler.task('sweep');
      return {
        noted: (await h.store.read('system', (work) => work.host.orphans())).map((one) => one.id),
        there: (await h.engine.inventory(call)).disks.has(orphan),
      };
    };
    assert.deepEqual(await sweep(), { noted: [orphan], there: true });
    advance(23 * 3600_000);
    assert.deepEqual(await sweep(), { noted: [orphan], there: true });
    advance(2 * 3600_000);
    assert.deepEqual(await sweep(), { noted: [], there: false });
  });

  it('fails each image that uses a missing layer, with the reason, and allows no new use of it', async (t) => {
    const { h, does, install, headOf } = await settled(t);
    const [id = 0] = h.machines;
    const [one, both] = [await install([h.editor.id]), await install([h.editor.id, h.browser.id])];
    await does('imageAssign', both, { machine_ids: [id] });
    await h.engine.removeLayer(await headOf(one), call);
    await h.service.reconciler.task('sweep');
    for (const image of [one, both]) {
      const { attributes } = await does('imageGet', image);
      assert.equal(attributes.status, 'failed');
      assert.match(attributes.status_reason, /missing on the disk of the host/);
    }
    assert.equal((await does('machineStart', id)).client_code, 4201);
    // The same software can be built again.
    assert.equal(
      (await does('imageGet', await install([h.editor.id]))).attributes.status,
      'available',
    );
  });
});
