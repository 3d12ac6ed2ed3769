// The spellings of clients in use: those of the example dashboard of the specification's project,
// and those that are generated from its documents.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OperationSpec } from '../../src/contract/operation.ts';
import { type OperationName, operations } from '../../src/contract/table.ts';
import { startHarness } from './harness.ts';

type Schema = { type?: string; properties?: Record<string, Schema>; required?: string[] };
const optionalOf = ({ properties = {}, required = [] }: Schema) =>
  Object.keys(properties).filter((field) => !required.includes(field));

describe('a client in use', () => {
  it('can open the pages of files, which are empty', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const [id = 0] = h.machines;
    const none = {
      files: [],
      current: { id: null, type: 'directory', attributes: { path: '/', parent_id: null } },
      ...{ count: 0, page: 1, next_page: null, client_code: 200, message: 'OK' },
    };
    const { timestamp: _, ...all } = (
      await h.call('fileList', { query: '?page=2&per_page=50&q=a' })
    ).body;
    const { timestamp: __, ...own } = (await h.call('machineFileList', { params: { id } })).body;
    assert.deepEqual([all, own], [none, none]);
    const { total, in_use } = (await h.call('fileCapacity')).body;
    assert.deepEqual([total, in_use], [0, 0]);
    assert.equal((await h.call('machineFileList', { params: { id: 999 } })).status, 404);
  });

  it('may send a boolean in any case, or as 1 and 0, in each query that takes one', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const yes = ['true', 'True', 'TRUE', '1'];
    const no = ['false', 'False', 'fAlSe', '0'];
    let fields = 0;
    // test/http/image-follow.test.ts has the operation that answers with a stream.
    for (const [name, { query, mayFollow }] of Object.entries<OperationSpec>(operations)) {
      for (const [field, schema] of Object.entries(
        (query?.properties ?? {}) as Record<string, Schema>,
      )) {
        if (schema.type !== 'boolean' || mayFollow) continue;
        fields++;
        const count = async (value: string) => {
          const { status, body } = await h.call(name as OperationName, {
            query: `?${field}=${value}`,
          });
          assert.equal(status, 200, `${name} ${field}=${value}: ${body.message}`);
          return body.count;
        };
        for (const values of [yes, no]) {
          const counts = await Promise.all(values.map(count));
          assert.equal(new Set(counts).size, 1, `${name} ${field}: ${counts}`);
        }
        for (const value of ['yes', '2', '', '-1', 'truee'])
          assert.equal(
            (await h.call(name as OperationName, { query: `?${field}=${value}` })).status,
            400,
            value,
          );
      }
    }
    assert.ok(fields >= 3);
    assert.equal((await h.call('machineList', { query: '?assigned=True' })).body.count, 0);
    assert.equal((await h.call('machineList', { query: '?assigned=False' })).body.count, 2);
  });

  it('may send a whole number as text for an access link, and nowhere else', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    const link = (expires_in: unknown) =>
      h.call('machineAccess', { params: { id }, body: { expires_in } });
    for (const given of ['60', 60, '060']) {
      const { status, body } = await link(given);
      assert.equal(status, 200, body.message);
      const leftMs = Date.parse(body.attributes.expires_at) - h.clock.now();
      assert.ok(leftMs > 0 && leftMs <= 60_000, String(leftMs));
    }
    for (const given of [
      '',
      ' 60',
      '6e1',
      '60.0',
      '-60',
      'sixty',
      '0',
      '86401',
      '9'.repeat(30),
      true,
      ['60'],
    ])
      assert.equal((await link(given)).status, 400, String(given));
    assert.equal((await h.call('imageCapture', { body: { machine_id: String(id) } })).status, 400);
  });

  it('may send null for a field that may be left out, in each body, with the effect of leaving it out', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const required: Partial<Record<OperationName, object>> = {
      imageCapture: { machine_id: 999 },
      imageAssign: { machine_ids: [999] },
      imageProtect: { protected: true },
      imageTemplatesSet: { templates: 'never' },
      imageImport: { size_bytes: 0 },
      machineCreate: { plan_id: 999 },
      machineTypeSet: { machine_type_id: 999 },
    };
    let fields = 0;
    for (const [name, { body }] of Object.entries<OperationSpec>(operations)) {
      const optional = optionalOf((body ?? {}) as Schema);
      if (optional.length === 0) continue;
      const base = required[name as OperationName] ?? {};
      const ask = async (more: object) => {
        const params = { id: name.startsWith('transfer') ? 'none' : 999 };
        const answer = await h.call(name as OperationName, { params, body: { ...base, ...more } });
        const { id: _, timestamp: __, attributes: ___, ...rest } = answer.body;
        return [answer.status, rest];
      };
      const absent = await ask({});
      for (const field of optional) {
        fields++;
        assert.deepEqual(await ask({ [field]: null }), absent, `${name} ${field}`);
      }
      assert.deepEqual(
        await ask(Object.fromEntries(optional.map((field) => [field, null]))),
        absent,
        name,
      );
    }
    assert.ok(fields > 12);
    // The same holds inside a field, but a required field that is null is missing.
    const [id = 0] = h.machines;
    const set = (permissions: object) =>
      h.call('machinePermissionsSet', { params: { id }, body: { permissions } });
    assert.equal(
      (await set({ clipboard_enabled: false, screen_recording_enabled: null })).status,
      200,
    );
    const { permissions } = (await h.call('machineGet', { params: { id } })).body.attributes;
    assert.deepEqual(
      [permissions.clipboard_enabled, permissions.screen_recording_enabled],
      [false, false],
    );
    assert.equal((await h.call('imageCapture', { body: { machine_id: null } })).status, 400);
    assert.equal((await h.call('imageInstall', { body: { software_ids: [null] } })).status, 400);
  });

  it('finds the audit entries under the action types by which it filters', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { reconciler } = h.service;
    const [id = 0] = h.machines;
    const { id: image } = (await h.call('imageInstall')).body;
    await reconciler.settle();
    const does = async (name: OperationName, of: unknown, body?: object) => {
      assert.equal((await h.call(name, { params: { id: of }, body })).status, 200, name);
      await reconciler.settle();
    };
    await does('imageAssign', image, { machine_ids: [id] });
    await does('machineStart', id);
    await does('machineAccess', id);
    await does('machineStop', id);
    await does('imageCapture', id, { machine_id: id });
    await does('machineReset', id);
    await does('machineTypeSet', id, { machine_type_id: h.machineType.id });
    await does('machinePermissionsSet', id, { permissions: { clipboard_enabled: true } });
    await does('machineCreate', id, { plan_id: h.machineType.id });
    await does('imageDelete', image);
    const logs = async (query = '') => (await h.call('userActionLogList', { query })).body;
    const times = {
      ...{ machine_started: 1, machine_stopped: 1, machine_reset: 1, machine_type_changed: 1 },
      ...{ machine_external_access_created: 1, machine_created: 1, machine_permissions_updated: 1 },
      ...{ image_created: 2, image_assigned: 1, image_deleted: 1 },
    };
    for (const [type, count] of Object.entries(times)) {
      const found = await logs(`?action_type=${type}`);
      assert.equal(found.count, count, type);
      for (const { attributes } of found.logs) assert.equal(attributes.action_type, type);
    }
    const all = await logs();
    assert.equal(
      all.count,
      Object.values(times).reduce((sum, count) => sum + count),
    );
    for (const type of ['machine_exploded', '', 'imageInstall'])
      assert.equal((await logs(`?action_type=${type}`)).count, 0, type);
    const nameless = Object.entries<OperationSpec>(operations).filter(
      ([, { method, action }]) => (method === 'GET') !== (action === undefined),
    );
    assert.deepEqual(nameless, []);
  });
});
