// The operator's API: who is answered there, and what becomes of a change.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { auditList } from '../../src/app/operator/audit.ts';
import { keyRevoke } from '../../src/app/operator/key.ts';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { permissionsOf } from '../../src/contract/operation.ts';
import { operatorOperationNames, operatorSpecOf } from '../../src/contract/operator/table.ts';
import type { KeyId } from '../../src/domain/ids.ts';
import { operatorPermissions } from '../../src/domain/operator-key.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { operatorOn } from '../operator.ts';
import { virtualClock, waitFor } from '../support.ts';
import { requestTo, startOperator } from './operator.ts';
import type { Key } from './requests.ts';

describe('the operator’s API', () => {
  it('is for a key of an organisation as if it did not exist, with every method', async (t) => {
    const h = await startOperator(t);
    const paths = new Set(operatorOperationNames.map((name) => requestTo(name).path));
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'PUT', 'OPTIONS', 'PATCH'])
      for (const body of [undefined, '{"name":"x"}', '{'])
        for (const as of [h.keys.ours, h.keys.powerless, { key: 'ssnone12345', secret: 'x' }]) {
          const to = async (path: string) => {
            const request = { method, path, ...(body !== undefined && { body }) };
            const { statusCode, headers, body: said } = await h.sendRaw(request, as);
            const { date: _, 'x-request-id': __, 'content-length': ___, ...rest } = headers;
            const text = said.replace(path, 'PATH').replace(/"timestamp":"[^"]+"/, '');
            return { statusCode, rest, text };
          };
          const unknown = await to(`${pathPrefix}/operator/nothing`);
          for (const path of paths) assert.deepEqual(await to(path), unknown, `${method} ${path}`);
        }
  });

  it('runs no statement for a key of an organisation, so that no time tells', async (t) => {
    let statements: string[] = [];
    const h = await startOperator(t, { onQuery: (sql) => statements.push(sql) });
    await h.send(requestTo('keyList'), h.keys.ours);
    statements = [];
    assert.equal((await h.send(requestTo('keyList'), h.keys.ours)).status, 404);
    assert.deepEqual(statements, []);
  });

  it('is not there for callers of another host, behind a proxy, or by another name', async (t) => {
    const h = await startOperator(t);
    assert.equal((await h.ask('keyList')).status, 200);
    const elsewhere: { remoteAddress?: string; headers?: Record<string, string> }[] = [
      { remoteAddress: '192.0.2.1' },
      { headers: { 'x-forwarded-for': '127.0.0.1' } },
      { headers: { forwarded: 'for=127.0.0.1' } },
      { headers: { via: '1.1 proxy' } },
      { headers: { host: 'images.example' } },
    ];
    for (const from of elsewhere) {
      const { status, body } = await h.send({ ...requestTo('keyList'), ...from }, h.operator);
      assert.equal(status, 404, JSON.stringify(from));
      assert.match(body.message, /^There is nothing at /);
    }
  });

  it('refuses a key that was revoked or is over, a signature again, and a wrong one', async (t) => {
    const clock = virtualClock();
    const h = await startOperator(t, { clock });
    const revoked = await h.makeOperator();
    await keyRevoke(operatorOn(h.store), revoked.key);
    const over = await h.makeOperator(operatorPermissions, clock.now() + 1000);
    assert.equal((await h.ask('keyList', undefined, over)).status, 200);
    await clock.sleep(1000);
    for (const key of [revoked, over, { key: 'opnone123456', secret: 'x' }]) {
      const { status, body } = await h.ask('keyList', undefined, key);
      assert.deepEqual([status, body.client_code], [401, 401]);
      assert.match(body.message, /The key or the signature is wrong/);
    }
    const once = { ...requestTo('cachePrune', {}), nonce: 'once' };
    assert.equal((await h.send(once, h.operator)).status, 200);
    const again = await h.send(once, h.operator);
    assert.deepEqual([again.status, /used before/.test(again.body.message)], [401, true]);
    const forged = await h.send({ ...requestTo('keyList'), signature: '0'.repeat(64) }, h.operator);
    assert.equal(forged.status, 401);
  });

  it('needs the permission of each operation, and no other one gives it', async (t) => {
    const h = await startOperator(t);
    const keys = new Map<string, Key>();
    for (const one of operatorPermissions) keys.set(one, await h.makeOperator([one]));
    const enoughFor = new Map<string, readonly string[]>();
    for (const name of operatorOperationNames) {
      const enough = permissionsOf(operatorSpecOf(name));
      enoughFor.set(name, enough);
      for (const [permission, key] of keys) {
        if (enough.includes(permission)) continue;
        const { status, body } = await h.ask(name, undefined, key);
        assert.deepEqual([status, body.client_code], [403, 4710], `${name} with ${permission}`);
        assert.match(body.message, new RegExp(enough.join(' or ')));
      }
    }
    assert.deepEqual(enoughFor.get('keyList'), ['operator:read']);
    assert.deepEqual(enoughFor.get('keyCreate'), ['operator:write']);
    assert.deepEqual(enoughFor.get('machineExec'), ['operator:exec']);
    assert.equal(
      (await h.ask('organisationList', undefined, keys.get('operator:read'))).status,
      200,
    );
  });

  it('has keys that are refused at the operations of organisations, with a clear reason', async (t) => {
    const h = await startOperator(t);
    for (const name of ['imageList', 'imageInstall', 'usageGet'] as const) {
      const { status, body } = await h.call(name, {}, h.operator);
      assert.deepEqual([status, body.client_code], [403, 4710], name);
      assert.match(body.message, /operator’s and belongs to no organisation/);
    }
    assert.equal((await h.call('imageList')).body.count, 0);
  });

  it('answers at its own address to all who have a key of operators', async (t) => {
    const h = await startOperator(t);
    const server = h.service.operatorServer();
    t.after(() => server.close());
    const far = { ...requestTo('keyList'), remoteAddress: '192.0.2.1' };
    assert.equal((await h.send(far, h.operator, server)).status, 200);
    assert.equal((await h.send(far, h.keys.ours, server)).status, 404);
    const images = { method: 'GET', path: `${pathPrefix}/images` };
    const other = await h.sendRaw(images, h.keys.ours, server);
    assert.deepEqual([other.statusCode, other.headers.allow], [404, undefined]);
  });
});

describe('a change over the operator’s API', () => {
  const entriesOf = async (store: Store) =>
    (await auditList(store, 100)).map(({ operator, action, outcome, requestId }) => ({
      ...{ operator, action, outcome, requestId },
    }));

  it('is in the trail with its key and its request, also when it is refused', async (t) => {
    const h = await startOperator(t);
    const before = (await entriesOf(h.store)).length;
    const quota = { name: 'ours', images: 7 };
    const done = await h.ask('organisationQuotaSet', quota);
    assert.deepEqual([done.status, done.body.images, done.body.machines], [200, 7, 1000]);
    const refused = await h.ask('organisationQuotaSet', { name: 'nobody', images: 1 });
    assert.equal(refused.status, 404);
    const added = (await entriesOf(h.store)).slice(0, -before);
    const by = { operator: `key:${h.operator.key}`, action: 'organisationQuotaSet' };
    assert.deepEqual(added, [
      { ...by, outcome: 'refused', requestId: refused.headers['x-request-id'] },
      { ...by, outcome: 'done', requestId: done.headers['x-request-id'] },
    ]);
    const { body } = await h.ask('auditList');
    assert.equal(body.entries[0].outcome, 'refused');
    assert.match(body.entries[0].created_at, /^\d{4}-.*Z$/);
  });

  it('is begun in the trail before it works, so that a death in between is seen', async (t) => {
    let isDying = false;
    let writes = 0;
    const dying = (store: Store): Store => ({
      ...store,
      write(scope, work) {
        // The request, the entry, and then the effect, at which the server dies.
        if (isDying && ++writes > 2) throw new Error('killed');
        return store.write(scope, work);
      },
    });
    const h = await startOperator(t, { wrapStore: dying });
    await h.ask('keyList');
    await waitFor('the use of the key is noted', async () => {
      const [key] = await h.store.read('system', (work) => work.operatorKeys.list());
      return key !== undefined && key.lastUsedAt !== null;
    });
    const request = {
      ...requestTo('organisationQuotaSet', { name: 'ours', images: 7 }),
      headers: { 'idempotency-key': 'one' },
    };
    isDying = true;
    assert.equal((await h.send(request, h.operator)).status, 500);
    isDying = false;
    const [entry] = await auditList(h.store, 1);
    assert.deepEqual([entry?.action, entry?.outcome], ['organisationQuotaSet', 'begun']);
    const again = await h.send(request, h.operator);
    assert.deepEqual([again.status, again.body.client_code], [409, 409]);
    assert.match(again.body.message, /begun and has not ended/);
    const { organisations } = (await h.ask('organisationList')).body;
    assert.equal(organisations[0].quotas.images, 1000);
  });

  it('is made once under an Idempotency-Key, and its secret is kept sealed', async (t) => {
    const h = await startOperator(t);
    const body = { organisation: 'New', name: 'one', permissions: ['images:read'] };
    const request = { ...requestTo('keyCreate', body), headers: { 'idempotency-key': 'one' } };
    const first = await h.send(request, h.operator);
    assert.equal(first.status, 200);
    const again = await h.send(request, h.operator);
    assert.equal(again.headers['idempotent-replayed'], 'true');
    assert.deepEqual(again.body, first.body);
    assert.equal((await h.call('imageList', {}, first.body)).status, 200);
    const kept = await h.store.read('system', (work) => work.idempotency.list());
    assert.equal(kept.length, 1);
    assert.ok(!JSON.stringify(kept).includes(first.body.secret));
    const other = { ...request, body: JSON.stringify({ ...body, name: 'two' }) };
    assert.equal((await h.send(other, h.operator)).status, 409);
    const wrong = { ...request, headers: { 'idempotency-key': 'two' } };
    const bad = { ...wrong, body: JSON.stringify({ ...body, permissions: ['all'] }) };
    assert.equal((await h.send(bad, h.operator)).status, 400);
    assert.equal((await h.send(wrong, h.operator)).status, 200, 'a refusal keeps nothing');
  });

  it('makes and rotates no key of operators, and revokes its own only when told so', async (t) => {
    const h = await startOperator(t);
    const own = h.operator.key;
    const rotated = await h.ask('keyRotate', {}, h.operator, own);
    assert.deepEqual([rotated.status, rotated.body.client_code], [400, 400]);
    assert.match(rotated.body.message, /own host alone/);
    for (const permissions of [['operator:read'], ['operator:write']]) {
      const made = await h.ask('keyCreate', { organisation: 'ours', name: 'up', permissions });
      assert.equal(made.status, 400);
    }
    const accident = await h.ask('keyRevoke', {}, h.operator, own);
    assert.deepEqual([accident.status, /itself: true/.test(accident.body.message)], [400, true]);
    assert.equal((await h.ask('keyRevoke', { itself: true }, h.operator, own)).status, 200);
    assert.equal((await h.ask('keyList')).status, 401);
  });

  it('rotates a key in use: the old one works for the overlap, and at once not with none', async (t) => {
    const clock = virtualClock();
    const h = await startOperator(t, { clock });
    const isGood = async (key: Key) => (await h.call('imageList', {}, key)).status === 200;
    const made = await h.ask('keyRotate', { overlap_seconds: 60 }, h.operator, h.keys.theirs.key);
    assert.equal(made.body.replaces, h.keys.theirs.key);
    assert.deepEqual([await isGood(made.body), await isGood(h.keys.theirs)], [true, true]);
    await clock.sleep(60_000);
    assert.deepEqual([await isGood(made.body), await isGood(h.keys.theirs)], [true, false]);
    await h.ask('keyRotate', { overlap_seconds: 0 }, h.operator, made.body.key);
    assert.equal(await isGood(made.body), false);
    const gone = await h.ask('keyRotate', {}, h.operator, 'ssnone123456');
    assert.equal(gone.status, 404);
  });

  it('does what the commands of the host do', async (t) => {
    const h = await startOperator(t);
    const size = { cpus: 1, memory_mb: 64, disk_size_gb: 1 };
    const type = { name: 'Tiny', code: 'tiny', ...size, network: 'bridge:lab' };
    const wrong = await h.ask('machineTypeAdd', { ...type, network: 'bridge:-x' });
    assert.deepEqual([wrong.status, wrong.body.message.includes('give none, user')], [400, true]);
    assert.ok((await h.ask('machineTypeAdd', type)).body.id > 0);
    assert.equal((await h.ask('machineTypeAdd', type)).status, 409);
    const types = (await h.ask('machineTypeList')).body.machine_types;
    assert.deepEqual(types.at(-1), { id: types.length, ...type, retired_at: null });
    const generalize = { name: 'ours', on: true };
    assert.equal((await h.ask('organisationGeneralize', generalize)).status, 200);
    assert.deepEqual((await h.ask('doctor')).body.findings, []);
    const sizes = (await h.ask('storageGet')).body.sizes as { what: string; bytes: number }[];
    assert.ok(sizes.some(({ what, bytes }) => what === 'base images' && bytes > 0));
    const [base] = (await h.ask('layerList')).body.layers;
    assert.deepEqual([base.kind, base.state, base.parent_id], ['base', 'sealed', null]);
    assert.deepEqual((await h.ask('cacheList')).body.steps, []);
    assert.deepEqual((await h.ask('cachePrune', { keep_bytes: 5 })).body.bytes, 0);
    const keys = (await h.ask('keyList')).body.keys as { id: KeyId; organisation_id: number }[];
    assert.equal(keys.find(({ id }) => id === h.operator.key)?.organisation_id, null);
    assert.ok(!JSON.stringify(keys).includes('secret'));
  });
});
