// What every change over the API leaves behind: one effect per Idempotency-Key, and an entry in the
// audit trail.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHarness } from './harness.ts';

const install = (body: object, idempotencyKey: string) => ({
  method: 'POST',
  path: '/organization-management/v1/images/install',
  body: JSON.stringify(body),
  headers: { 'idempotency-key': idempotencyKey },
});

describe('an Idempotency-Key', () => {
  it('gives the first answer again, with one effect, also when the requests arrive at once', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map(() => h.send(install({ name: 'Once' }, 'k1'))),
    );
    for (const { status, body } of answers)
      assert.deepEqual([status, body], [200, answers[0]?.body]);
    assert.equal(
      answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true').length,
      4,
    );
    assert.equal((await h.call('imageList')).body.count, 1);
    const id = answers[0]?.body.id;
    const remove = {
      method: 'DELETE',
      path: `/organization-management/v1/images/${id}`,
      headers: { 'idempotency-key': 'k2' },
    };
    for (const _ of [1, 2]) assert.equal((await h.send(remove)).status, 200);
  });

  it('is refused for another body, and free for another key or after a refusal', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    await h.send(install({ name: 'One' }, 'k'));
    const other = await h.send(install({ name: 'Two' }, 'k'));
    assert.deepEqual([other.status, other.body.client_code], [409, 409]);
    assert.equal((await h.send(install({ name: 'Two' }, 'k'), h.keys.theirs)).status, 200);
    assert.equal((await h.send(install({ base_image_id: 77 }, 'r'))).status, 404);
    assert.equal((await h.send(install({ name: 'Three' }, 'r'))).status, 200);
    for (const wrong of ['x'.repeat(129), 'a b'])
      assert.equal((await h.send(install({}, wrong))).status, 400, wrong);
  });
});

describe('the audit trail', () => {
  it('has what was done and what was refused, with key, image, machines and request id, and nothing of others', async (t) => {
    const h = await startHarness(t);
    const { body: image, headers } = await h.call('imageInstall', { body: { name: 'Mine' } });
    await h.imageSettled(image.attributes.id);
    await h.call('imageAssign', { params: { id: image.id }, body: { machine_ids: h.machines } });
    await h.call('machineStop', { params: { id: 999 } });
    await h.call('imageInstall', {}, h.keys.theirs);
    const list = async (query = '') => (await h.call('userActionLogList', { query })).body;
    const all = await list();
    assert.deepEqual(
      all.logs.map(
        ({
          attributes,
        }: {
          attributes: {
            action_type: string;
            organization_machine_id: number | null;
            metadata: { client_code: number };
          };
        }) => [
          attributes.action_type,
          attributes.organization_machine_id,
          attributes.metadata.client_code,
        ],
      ),
      [
        ['machine_stopped', 999, 404],
        ['image_assigned', h.machines[1], 200],
        ['image_assigned', h.machines[0], 200],
        ['image_created', null, 200],
      ],
    );
    assert.deepEqual(all.logs.at(-1).attributes.metadata, {
      key: h.keys.ours.key,
      image_id: Number(image.id),
      transfer_id: null,
      request_id: headers['x-request-id'],
      client_code: 200,
    });
    assert.equal((await list(`?organization_machine_id=${h.machines[0]}`)).count, 1);
    assert.equal((await list('?action_type=image_assigned')).count, 2);
    assert.equal((await list('?user_email=a@b.c')).count, 0);
    assert.equal((await list('?end_date=2020-01-01')).count, 0);
    assert.equal((await list('?start_date=2020-01-01')).count, 4);
    for (const wrong of [
      '?start_date=yesterday',
      '?end_date=2020-13-01',
      '?start_date=2030-01-01&end_date=2020-01-01',
    ]) {
      assert.equal((await list(wrong)).client_code, 400, wrong);
    }
  });
});

describe("a machine's type and permissions", () => {
  it('change as asked, and refuse what is wrong', async (t) => {
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
