// The operator's API: who may ask, from where, what it does, and what the trail keeps of it.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { auditList } from '../../src/app/operator/audit.ts';
import { keyCreate } from '../../src/app/operator/key.ts';
import {
  type OperatorOperationName,
  operatorOperationNames,
  operatorOperations,
  operatorPrefix,
} from '../../src/contract/operator.ts';
import { operatorOrganisation, operatorPermissions } from '../../src/domain/key.ts';
import { operatorOn } from '../operator.ts';
import { startHarness } from './harness.ts';
import type { Answer, Key } from './requests.ts';

interface Input {
  params?: Record<string, string>;
  body?: object;
  query?: string;
  headers?: Record<string, string>;
  nonce?: string;
  timestamp?: number;
}

async function start(t: TestContext) {
  const h = await startHarness(t, { reconcile: false });
  const made = (permissions: readonly string[]): Promise<Key> =>
    keyCreate(operatorOn(h.store), h.masterKey, {
      organisation: operatorOrganisation,
      name: 'operations',
      permissions,
    });
  const operator = await made(operatorPermissions);
  const reader = await made(['operator:read']);
  const ask = (
    name: OperatorOperationName,
    input: Input = {},
    as: Key = operator,
  ): Promise<Answer> => {
    const { method, path } = operatorOperations[name];
    const { params = {}, body, ...rest } = input;
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, field: string) => params[field] ?? 'none');
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    return h.send({ method, path: operatorPrefix + filled, ...text, ...rest }, as);
  };
  return { ...h, operator, reader, ask };
}

/** A body that each change takes. */
const bodies: Partial<Record<OperatorOperationName, object>> = {
  organisationQuotaSet: { organisation: 'ours', images: 3 },
  organisationGeneralize: { organisation: 'ours', on: true },
  keyCreate: { organisation: 'ours', name: 'one', permissions: ['images:read'] },
  keyRotate: { overlap: 0 },
  machineTypeAdd: { name: 'Huge', cpus: 8, memory_mb: 8192, disk_size: 100 },
  layerVerify: { layer_ids: ['none'] },
  cachePrune: { keep_gb: 0 },
};
const withBody = (name: OperatorOperationName): Input =>
  bodies[name] === undefined ? {} : { body: bodies[name] };

describe('the operator’s API', () => {
  it('is not there for keys of organisations, for other hosts and for requests of a proxy', async (t) => {
    const h = await start(t);
    const nothing = (answer: Answer, name: string) => {
      assert.equal(answer.status, 404, name);
      assert.match(answer.body.message, /^There is nothing at /);
    };
    for (const name of operatorOperationNames) {
      nothing(await h.ask(name, withBody(name), h.keys.ours), name);
      const forwarded = { 'x-forwarded-for': '10.0.0.1' };
      nothing(await h.ask(name, { ...withBody(name), headers: forwarded }), name);
      nothing(await h.ask(name, { ...withBody(name), headers: { host: 'images.example' } }), name);
    }
    const { body } = await h.ask('auditList');
    const actions = body.entries.map(({ action }: { action: string }) => action);
    assert.ok(!actions.includes('cachePrune'), 'nothing was done');
  });

  it('lets a key do what its permissions say, and nothing that organisations do', async (t) => {
    const h = await start(t);
    for (const name of operatorOperationNames) {
      const { status, body } = await h.ask(name, withBody(name), h.reader);
      const may = operatorOperations[name].permission === 'operator:read';
      assert.equal(status === 200, may, `${name}: ${JSON.stringify(body)}`);
      if (!may) assert.equal(body.client_code, 4710, name);
    }
    const list = await h.call('imageList', {}, h.operator);
    assert.equal(list.body.client_code, 4710);
    const stranger = { key: 'nobody', secret: 'nothing' };
    assert.equal((await h.ask('keyList', {}, stranger)).status, 401);
  });

  it('takes no signature twice, also of a change', async (t) => {
    const h = await start(t);
    const once = { nonce: '5f1f7e0c-3f0c-4d8e-9c5e-0a5ad2f4f001', timestamp: h.clock.now() };
    for (const name of ['keyList', 'cachePrune'] as const) {
      assert.equal((await h.ask(name, { ...withBody(name), ...once })).status, 200);
      assert.equal((await h.ask(name, { ...withBody(name), ...once })).status, 401);
    }
  });

  it('manages organisations, keys and machine types', async (t) => {
    const h = await start(t);
    const { quotas } = (await h.ask('organisationQuotaSet', withBody('organisationQuotaSet'))).body;
    assert.deepEqual([quotas.images, quotas.machines], [3, 1000]);
    const { organisations } = (await h.ask('organisationList')).body;
    const ours = organisations.find(({ name }: { name: string }) => name === 'ours');
    assert.deepEqual([ours.quotas.images, ours.used.machines], [3, 2]);
    assert.equal(
      (await h.ask('organisationGeneralize', withBody('organisationGeneralize'))).status,
      200,
    );

    const made = (await h.ask('keyCreate', withBody('keyCreate'))).body;
    assert.equal((await h.call('imageList', {}, made)).status, 200);
    const params = { id: made.key };
    const next = (await h.ask('keyRotate', { params, body: { overlap: 0 } })).body;
    assert.equal((await h.call('imageList', {}, made)).status, 401);
    assert.equal((await h.call('imageList', {}, next)).status, 200);
    assert.equal((await h.ask('keyRevoke', { params: { id: next.key } })).status, 200);
    assert.equal((await h.call('imageList', {}, next)).status, 401);
    const { keys } = (await h.ask('keyList')).body;
    const kinds = new Map(keys.map(({ id, kind }: { id: string; kind: string }) => [id, kind]));
    assert.deepEqual(
      [kinds.get(made.key), kinds.get(h.operator.key)],
      ['organisation', 'operator'],
    );
    assert.ok(!JSON.stringify(keys).includes(made.secret));

    const type = (await h.ask('machineTypeAdd', withBody('machineTypeAdd'))).body;
    assert.equal((await h.ask('machineTypeAdd', withBody('machineTypeAdd'))).status, 409);
    const { machine_types: types } = (await h.ask('machineTypeList')).body;
    assert.equal(types.find(({ id }: { id: number }) => id === type.id).memory_mb, 8192);
  });

  it('makes and renews no key of an operator', async (t) => {
    const h = await start(t);
    for (const permissions of [['operator:read'], ['operator:keys', 'images:read']]) {
      const body = { organisation: operatorOrganisation, name: 'more', permissions };
      const { status, body: said } = await h.ask('keyCreate', { body });
      assert.equal(status, 400);
      assert.match(said.message, /key create --operator/);
    }
    const rotated = await h.ask('keyRotate', { params: { id: h.reader.key }, body: {} });
    assert.match(rotated.body.message, /key create --operator/);
    assert.equal((await h.ask('keyRevoke', { params: { id: h.reader.key } })).status, 200);
    assert.equal((await h.ask('keyList', {}, h.reader)).status, 401);
  });

  it('looks at storage, layers, cache and health, and verifies layers', async (t) => {
    const h = await start(t);
    await h.call('imageInstall', { body: { software_ids: [h.editor.id] } });
    await h.service.reconciler.settle();
    const { storage } = (await h.ask('storageGet')).body;
    assert.ok(storage.some(({ bytes }: { bytes: number }) => bytes > 0));
    const { layers } = (await h.ask('layerList')).body;
    assert.deepEqual(layers.map(({ kind }: { kind: string }) => kind).sort(), ['base', 'software']);
    const ids = layers.map(({ id }: { id: string }) => id);
    const verified = (await h.ask('layerVerify', { body: { layer_ids: ids } })).body;
    assert.deepEqual(verified.layers.map(({ id }: { id: string }) => id).sort(), ids.sort());
    assert.equal((await h.ask('layerVerify', withBody('layerVerify'))).status, 404);
    assert.equal((await h.ask('cacheList')).status, 200);
    assert.deepEqual((await h.ask('cachePrune', withBody('cachePrune'))).body.layer_ids, []);
    assert.deepEqual((await h.ask('doctor')).body.findings, []);
  });

  it('leaves an entry of each change in the operator’s trail, under the key', async (t) => {
    const h = await start(t);
    const before = (await auditList(h.store, 1000)).length;
    const changes = operatorOperationNames.filter(
      (name) => operatorOperations[name].method !== 'GET',
    );
    const made = (await h.ask('keyCreate', withBody('keyCreate'))).body;
    for (const name of changes.filter((one) => one !== 'keyCreate'))
      await h.ask(name, { ...withBody(name), params: { id: made.key } });
    const entries = (await auditList(h.store, 1000)).slice(0, -before);
    assert.deepEqual(entries.map(({ action }) => action).sort(), [...changes].sort());
    for (const { operator, action, outcome } of entries) {
      assert.equal(operator, `key:${h.operator.key}`);
      assert.equal(outcome, action === 'layerVerify' ? 'refused' : 'done', action);
    }
    assert.ok(!JSON.stringify(entries).includes(made.secret));
  });

  it('refuses bodies of a wrong form, without a trace in the trail', async (t) => {
    const h = await start(t);
    const before = (await auditList(h.store, 1000)).length;
    const wrong: [OperatorOperationName, object][] = [
      ['organisationQuotaSet', { organisation: 'ours', images: -1 }],
      ['organisationQuotaSet', { organisation: 'ours', pictures: 1 }],
      ['keyCreate', { organisation: 'ours', name: '\u202e', permissions: ['images:read'] }],
      ['keyCreate', { organisation: 'ours', name: 'one', permissions: [] }],
      ['machineTypeAdd', { name: 'Huge', cpus: 0, memory_mb: 1, disk_size: 1 }],
      ['layerVerify', { layer_ids: Array.from({ length: 21 }, () => 'a') }],
      ['cachePrune', { keep_gb: 'all' }],
    ];
    for (const [name, body] of wrong)
      assert.equal((await h.ask(name, { body })).status, 400, `${name} ${JSON.stringify(body)}`);
    assert.equal((await auditList(h.store, 1000)).length, before);
  });
});

describe('the operator’s API at an address of its own', () => {
  it('answers other hosts there, and nothing else', async (t) => {
    const h = await start(t);
    const app = h.service.operatorApp();
    const { method, path } = operatorOperations.keyList;
    const headers = { host: 'operations.example' };
    const request = { method, path: operatorPrefix + path, headers };
    assert.equal((await h.send(request, h.operator, app)).status, 200);
    assert.equal((await h.send(request, h.keys.ours, app)).status, 404);
    for (const other of ['/organization-management/v1/images', '/healthz', '/metrics', '/docs'])
      assert.equal(
        (await h.sendRaw({ method: 'GET', path: other }, h.keys.ours, app)).statusCode,
        404,
      );
    await app.close();
  });
});
