// The type of a machine, and its change.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHarness } from './harness.ts';

describe("a machine's type", () => {
  it('changes as the request says while the machine is off, and its disk stays as it is', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    const large = await h.store.write('system', (work) =>
      work.machineTypes.add({
        name: 'Large',
        code: 'large',
        cpus: 4,
        memoryMb: 4096,
        diskSizeGb: 40,
      }),
    );
    const types = (await h.call('machineTypeList', { params: { id } })).body.machine_types;
    assert.deepEqual(types[1], {
      id: String(large.id),
      type: 'machine_type',
      attributes: { name: 'large', friendly_name: 'Large' },
    });
    const set = async (body: unknown) =>
      (await h.call('machineTypeSet', { params: { id }, body })).body.client_code;
    assert.equal(await set({ machine_type_id: large.id }), 200);
    const { attributes } = (await h.call('machineGet', { params: { id } })).body;
    assert.deepEqual([attributes.machine_type, attributes.disk_size], ['large', 20]);
    assert.equal(await set({ machine_type_id: 99 }), 404);
    assert.equal(await set({}), 400);
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    assert.equal(await set({ machine_type_id: large.id }), 4201);
  });
});
