// The type and the permissions of a machine.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHarness } from './harness.ts';

describe("a machine's type and permissions", () => {
  it('change as the request says, and refuse wrong values', async (t) => {
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
    const fields = (await h.call('machinePermissionFields')).body.permission_fields;
    assert.deepEqual(fields[0], { name: 'public_internet_access', type: 'boolean', default: true });
    assert.equal(fields.length, 6);
    const types = (await h.call('machineTypeList', { params: { id } })).body.machine_types;
    assert.deepEqual(types[1], {
      id: String(large.id),
      type: 'machine_type',
      attributes: { name: 'large', friendly_name: 'Large' },
    });

    const setType = async (body: unknown) =>
      (await h.call('machineTypeSet', { params: { id }, body })).body.client_code;
    const setPermissions = async (body: unknown) =>
      (await h.call('machinePermissionsSet', { params: { id }, body })).body.client_code;
    assert.equal(await setType({ machine_type_id: large.id }), 200);
    assert.equal(await setPermissions({ permissions: { clipboard_enabled: false } }), 200);
    const { attributes } = (await h.call('machineGet', { params: { id } })).body;
    assert.deepEqual(
      [attributes.machine_type, attributes.disk_size, attributes.permissions.clipboard_enabled],
      ['large', 20, false],
    );
    assert.equal(attributes.permissions.public_internet_access, true);
    assert.equal(await setPermissions({}), 4202);
    assert.equal(await setPermissions({ permissions: { clipboard_enabled: 'no' } }), 400);
    assert.equal(await setPermissions({ permissions: { unheard_of: true } }), 400);
    assert.equal(await setType({ machine_type_id: 99 }), 404);
    assert.equal(await setType({}), 400);
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    assert.equal(await setType({ machine_type_id: large.id }), 4201);
  });
});
