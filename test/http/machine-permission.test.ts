// The permissions of a machine.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHarness } from './harness.ts';

describe("a machine's permissions", () => {
  it('change as the request says; permissions that it leaves out stay as they are', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const [id = 0] = h.machines;
    const fields = (await h.call('machinePermissionFields')).body.permission_fields;
    assert.deepEqual(fields[0], { name: 'public_internet_access', type: 'boolean', default: true });
    assert.equal(fields.length, 6);
    const set = async (body: unknown) =>
      (await h.call('machinePermissionsSet', { params: { id }, body })).body.client_code;
    assert.equal(await set({ permissions: { clipboard_enabled: false } }), 200);
    const { permissions } = (await h.call('machineGet', { params: { id } })).body.attributes;
    assert.equal(permissions.clipboard_enabled, false);
    assert.equal(permissions.public_internet_access, true);
    assert.equal(await set({}), 4202);
    assert.equal(await set({ permissions: { clipboard_enabled: 'no' } }), 400);
    assert.equal(await set({ permissions: { unheard_of: true } }), 400);
  });
});
