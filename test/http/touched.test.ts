// The record of what each change touches.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Application, type Change } from '../../src/app/application.ts';
import { imageInstall } from '../../src/app/image.ts';
import type { OperationSpec } from '../../src/contract/operation.ts';
import {
  type OperationName,
  operationNames,
  operations,
  specOf,
} from '../../src/contract/table.ts';
import type { DiskId, KeyId, MachineId } from '../../src/domain/ids.ts';
import { permissions } from '../../src/domain/key.ts';
import { type Answer, type Harness, type Key, startHarness } from './harness.ts';

describe('a change', () => {
  it('fails and changes nothing unless it says what it touches', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { store, masterKey, signer, clock } = h;
    const application = new Application({
      store,
      masterKey,
      signer,
      now: clock.now,
      keepDiskMs: 1000,
      transferPath: (id) => join(h.dataDir, 'transfers', id),
    });
    const change = (name: string, effect: Change['effect']) =>
      application.change({
        command: {
          name,
          caller: {
            keyId: h.keys.ours.key as KeyId,
            organisationId: h.ours,
            permissions,
            signature: name,
            signatureExpiresAt: clock.now() + 60_000,
          },
          requestId: name,
          requestDigest: name,
          idempotencyKey: name,
        },
        publicUrl: 'http://localhost',
        effect,
      });
    const silent = change('silent', async (context) =>
      imageInstall({ ...context, touched: () => {} }, { name: 'Silent' }),
    );
    await assert.rejects(silent, /silent changed something and did not say what it touched/);
    const { again } = await change('told', async (context) =>
      imageInstall(context, { name: 'Told' }),
    );
    assert.equal(again, false);
    const { body } = await h.call('imageList');
    assert.deepEqual(
      body.images.map((image: { attributes: { name: string } }) => image.attributes.name),
      ['Told'],
    );
    const { entries } = await store.read(h.ours, (work) =>
      work.audit.list({ from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100 }),
    );
    assert.deepEqual(
      entries.map(({ action, imageId }) => [action, imageId]),
      [['told', body.images[0].attributes.id]],
    );
  });

  it('has a name for the audit trail in the contract, and a read has none', () => {
    for (const name of operationNames) {
      const { method, action } = specOf(name);
      assert.equal(action === undefined, method === 'GET', name);
    }
  });
});

const dayMs = 24 * 3600_000;

const changing = (Object.keys(operations) as OperationName[]).filter(
  (name) => operations[name].method !== 'GET',
);

interface Entry {
  action: string;
  code: number;
  image: number | null;
  machines: (number | null)[];
  transfer: string | null;
}

async function trail(t: TestContext, options: Parameters<typeof startHarness>[1] = {}) {
  const h = await startHarness(t, { reconcile: false, ...options });
  const settle = () => h.service.reconciler.settle();
  /** The entries of a request, as one, with a machine for each. */
  const entryOf = async ({ headers }: Answer): Promise<Entry | null> => {
    const { logs } = (await h.call('userActionLogList')).body;
    type Log = (typeof logs)[number];
    const own = logs
      .map(({ attributes }: Log) => attributes)
      .filter((one: Log) => one.metadata.request_id === headers['x-request-id']);
    if (own.length === 0) return null;
    const [{ action_type, metadata }] = own;
    const machines = own.map((one: Log) => one.organization_machine_id).reverse();
    const { client_code: code, image_id: image, transfer_id: transfer } = metadata;
    return { action: action_type, code, image, machines, transfer };
  };
  const image = async () => {
    const { body } = await h.call('imageInstall');
    await settle();
    return body.attributes.id as number;
  };
  return { h, settle, entryOf, image };
}

/** An upload whose bytes are all there, sent in one part. */
async function uploaded(h: Harness): Promise<{ id: string; part: Answer }> {
  const content = JSON.stringify({ simulated: ['bytes'], virtualBytes: 1 });
  const { id } = (await h.call('imageImport', { body: { size_bytes: content.length } })).body;
  const path = `/organization-management/v1/transfers/${id}/parts/0`;
  return { id, part: await h.send({ method: 'POST', path, body: content }) };
}

const actionOf = (name: OperationName) => (operations[name] as OperationSpec).action;

interface Done {
  answer: Answer;
  image?: number;
  machines?: number[];
  transfer?: string;
}

/** A call of each operation that changes something, and what it has to be said to have touched. */
const calls: Partial<
  Record<OperationName, (given: Awaited<ReturnType<typeof trail>>) => Promise<Done>>
> = {
  async imageCapture({ h, settle }) {
    const [id = 0] = h.machines;
    for (const name of ['machineStart', 'machineStop'] as const) {
      await h.call(name, { params: { id } });
      await settle();
    }
    const answer = await h.call('imageCapture', { body: { machine_id: id } });
    return { answer, image: answer.body.attributes.id, machines: [id] };
  },
  async imageInstall({ h }) {
    const answer = await h.call('imageInstall');
    return { answer, image: answer.body.attributes.id };
  },
  async imageAssign({ h, image }) {
    const id = await image();
    const body = { machine_ids: [...h.machines, ...h.machines] };
    return {
      answer: await h.call('imageAssign', { params: { id }, body }),
      image: id,
      machines: h.machines,
    };
  },
  async imageAssignUndo({ h, image }) {
    const id = await image();
    await h.call('imageAssign', { params: { id }, body: { machine_ids: h.machines } });
    return {
      answer: await h.call('imageAssignUndo', { params: { id } }),
      image: id,
      machines: h.machines,
    };
  },
  async imageDelete({ h, image }) {
    const id = await image();
    return { answer: await h.call('imageDelete', { params: { id } }), image: id };
  },
  async imageRestore({ h, image }) {
    const id = await image();
    await h.call('imageDelete', { params: { id } });
    return { answer: await h.call('imageRestore', { params: { id } }), image: id };
  },
  async imageProtect({ h, image }) {
    const id = await image();
    return {
      answer: await h.call('imageProtect', { params: { id }, body: { protected: true } }),
      image: id,
    };
  },
  async imageExport({ h, image }) {
    const id = await image();
    const answer = await h.call('imageExport', { params: { id } });
    return { answer, image: id, transfer: answer.body.id };
  },
  async imageImport({ h }) {
    const answer = await h.call('imageImport', { body: { size_bytes: 5 } });
    return { answer, transfer: answer.body.id };
  },
  async transferPart({ h }) {
    const { id, part } = await uploaded(h);
    return { answer: part, transfer: id };
  },
  async transferFinish({ h }) {
    const { id } = await uploaded(h);
    const answer = await h.call('transferFinish', { params: { id } });
    return { answer, image: answer.body.attributes.id, transfer: id };
  },
  async transferDelete({ h }) {
    const { id } = await uploaded(h);
    return { answer: await h.call('transferDelete', { params: { id } }), transfer: id };
  },
  async machineCreate({ h }) {
    const body = { plan_id: h.machineType.id, quantity: 2, software_ids: [h.editor.id] };
    const answer = await h.call('machineCreate', { body });
    const machines = answer.body.machines.map(
      (one: { attributes: { id: number } }) => one.attributes.id,
    );
    return { answer, image: answer.body.silver_image.attributes.id, machines };
  },
  async machineRestore({ h }) {
    const [id = 0] = h.machines;
    await h.store.write(h.ours, async (work) => {
      const disk = {
        id: 'kept' as DiskId,
        organisationId: h.ours,
        machineId: id as MachineId,
        replacesId: null,
      };
      const more = { layerId: h.base.layerId, state: 'kept' as const, imageId: null, sizeGb: 1 };
      await work.disks.add({ ...disk, ...more });
      await work.disks.keep(disk.id, dayMs);
    });
    return { answer: await h.call('machineRestore', { params: { id } }), machines: [id] };
  },
  async machineAccess({ h }) {
    const [id = 0] = h.machines;
    await h.store.write(h.ours, (work) =>
      work.machines.update(id as MachineId, { status: 'ready' }),
    );
    return { answer: await h.call('machineAccess', { params: { id } }), machines: [id] };
  },
  ...Object.fromEntries(
    (
      [
        'machineStart',
        'machineStop',
        'machineReset',
        'machineTypeSet',
        'machinePermissionsSet',
      ] as const
    ).map((name) => [
      name,
      async ({ h }: Awaited<ReturnType<typeof trail>>): Promise<Done> => {
        const [id = 0] = h.machines;
        const bodies: Partial<Record<OperationName, unknown>> = {
          machineTypeSet: { machine_type_id: h.machineType.id },
          machinePermissionsSet: { permissions: { clipboard_enabled: false } },
        };
        return {
          answer: await h.call(name, { params: { id }, body: bodies[name] }),
          machines: [id],
        };
      },
    ]),
  ),
};

describe('every operation that changes something', { concurrency: 2 }, () => {
  for (const name of changing) {
    it(`${name} leaves an entry that names what it touched`, async (t) => {
      const given = await trail(t);
      const call = calls[name];
      assert.ok(call, `add a call of ${name} to this test`);
      const { answer, image = null, machines = [null], transfer = null } = await call(given);
      assert.equal(answer.status, 200, answer.body.message);
      assert.deepEqual(await given.entryOf(answer), {
        action: actionOf(name),
        code: 200,
        image,
        machines,
        transfer,
      });
    });
  }

  it('leaves one entry when it is refused, for the permission, the request, or what is not there', async (t) => {
    const { h, entryOf } = await trail(t);
    const refused = async (name: OperationName, id: string, as: Key, code: number) => {
      const { method, path, body, content } = operations[name] as OperationSpec;
      const filled = path.replace('{id}', id).replace('{offset}', '0');
      const sent = body || content ? '[' : '';
      const answer = await h.send(
        { method, path: `/organization-management/v1${filled}`, body: sent },
        as,
      );
      assert.equal(answer.body.client_code, code, name);
      const known = /^\d+$/.test(id) && path.includes('{id}');
      const image = known && path.startsWith('/images/') ? Number(id) : null;
      const machine = known && path.startsWith('/machines/') ? Number(id) : null;
      const action = actionOf(name);
      assert.deepEqual(
        await entryOf(answer),
        { action, code, image, machines: [machine], transfer: null },
        name,
      );
    };
    for (const name of changing) {
      await refused(name, '77', h.keys.powerless, 4710);
      const { body, path, content } = operations[name] as OperationSpec;
      if (body) await refused(name, '77', h.keys.ours, 400);
      if (path.includes('{id}') && !body && !content) await refused(name, '77', h.keys.ours, 404);
      if (/^\/(images|machines)\/\{id\}/.test(path)) await refused(name, 'seven', h.keys.ours, 400);
    }
  });
});
