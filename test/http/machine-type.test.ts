// The type of a machine, and its change.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { large, startHarness } from './harness.ts';

describe("a machine's type", () => {
  it('changes as the request says while the machine is off, and its disk stays as it is', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    const { id: typeId } = await h.store.write('system', (work) => work.machineTypes.add(large));
    const types = (await h.call('machineTypeList', { params: { id } })).body.machine_types;
    assert.deepEqual(types[1], {
      id: String(typeId),
      type: 'machine_type',
      attributes: { name: 'large', friendly_name: 'Large' },
    });
    const set = async (body: unknown) =>
      (await h.call('machineTypeSet', { params: { id }, body })).body.client_code;
    assert.equal(await set({ machine_type_id: typeId }), 200);
    const { attributes } = (await h.call('machineGet', { params: { id } })).body;
    assert.deepEqual([attributes.machine_type, attributes.disk_size], ['large', 20]);
    assert.equal(await set({ machine_type_id: 99 }), 404);
    assert.equal(await set({}), 400);
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    assert.equal(await set({ machine_type_id: typeId }), 4201);
  });
});
