// The audit trail: each change names what it touched, each refusal leaves one entry, and old
// entries go.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import type { OperationSpec } from '../../src/contract/operation.ts';
import { type OperationName, operations } from '../../src/contract/table.ts';
import type { DiskId, MachineId } from '../../src/domain/ids.ts';
import { movableClock } from '../support.ts';
import { type Answer, type Harness, type Key, startHarness } from './harness.ts';

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

describe('the audit trail', () => {
  it('has one entry of an assignment that is refused, however many machines it names', async (t) => {
    const { h, entryOf, image } = await trail(t);
    const id = await image();
    const machine_ids = Array.from({ length: 1000 }, (_, index) => 5000 + index);
    const answer = await h.call('imageAssign', { params: { id }, body: { machine_ids } });
    assert.deepEqual(await entryOf(answer), {
      action: 'image_assigned',
      code: 4211,
      image: id,
      machines: [null],
      transfer: null,
    });
  });

  it('has no entry of a caller whose signature is wrong, and none beyond the rate', async (t) => {
    const { h } = await trail(t, { requestsPerSecond: 1 });
    const request = { method: 'POST', path: '/organization-management/v1/machines/1/stop' };
    await h.send({ ...request, signature: '0'.repeat(64) });
    const codes: number[] = [];
    for (let n = 0; n < 5; n++) codes.push((await h.send(request)).body.client_code);
    assert.ok(codes.includes(429), String(codes));
    const { count } = await h.store.read(h.ours, (work) =>
      work.audit.list({ from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100 }),
    );
    assert.equal(count, codes.filter((code) => code === 200).length);
  });

  it('forgets entries after their time, however many there are', async (t) => {
    const { clock, advance } = movableClock();
    const { h, image } = await trail(t, { clock, settings: { auditKeptMs: 10 * dayMs } });
    await image();
    const database = new DatabaseSync(join(h.dataDir, 'silversmith.db'));
    t.after(() => database.close());
    const countOf = () =>
      Object.values(database.prepare('select count(*) from audit').get() ?? {})[0];
    database.exec(`insert into audit (organisation_id, key_id, action, request_id, client_code, created_at)
      with recursive n (i) as (select 1 union all select i + 1 from n where i < 25000)
      select ${h.ours}, 'key', 'imageDelete', 'r', 200, ${Date.now() - 11 * dayMs} from n`);
    assert.equal(countOf(), 25_001);
    await h.service.reconciler.task('collect');
    assert.equal(countOf(), 1);
    advance(11 * dayMs);
    await h.service.reconciler.task('collect');
    assert.equal(countOf(), 0);
  });

  it('is listed and forgotten by its indexes, without sorting', async (t) => {
    const statements: string[] = [];
    const { h } = await trail(t, { onQuery: (sql) => statements.push(sql) });
    await h.call('userActionLogList');
    await h.store.write('system', (work) => work.audit.prune(1));
    const database = new DatabaseSync(join(h.dataDir, 'silversmith.db'));
    t.after(() => database.close());
    const audited = statements.filter((sql) => /"audit"/.test(sql));
    assert.equal(audited.length, 3);
    for (const sql of audited) {
      const plan = database
        .prepare(`explain query plan ${sql}`)
        .all()
        .map((row) => String(row.detail))
        .join('; ');
      assert.match(plan, /USING (COVERING )?INDEX audit_(listed|created)/, sql);
      assert.doesNotMatch(plan, /TEMP B-TREE|SCAN/, sql);
    }
  });
});
