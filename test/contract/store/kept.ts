// Things that are kept for a time: signatures, answers, links, keys, audit entries, transfers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KeyId, MachineId } from '../../../src/domain/ids.ts';
import type { MakeWorld, World } from './world.ts';

const key = 'key' as KeyId;

function testRequests(make: MakeWorld) {
  it('takes a signature once, until it is pruned', async (t) => {
    const world = await make(t);
    const use = (keyId: KeyId, signature: string) =>
      world.write((work) => work.signatures.use(keyId, signature, world.now() + 100));
    assert.equal(await use(key, 'first'), true);
    assert.equal(await use(key, 'first'), false);
    assert.equal(await use(key, 'second'), true);
    assert.equal(await use('other' as KeyId, 'first'), true);
    await world.write((work) => work.signatures.prune(world.now() + 100));
    assert.equal(await use(key, 'first'), false);
    await world.write((work) => work.signatures.prune(world.now() + 101));
    assert.equal(await use(key, 'first'), true);
  });

  it('takes one of many simultaneous requests with the same signature', async (t) => {
    const world = await make(t);
    const use = () => world.write((work) => work.signatures.use(key, 'same', world.now() + 100));
    const taken = await Promise.all(Array.from({ length: 10 }, use));
    assert.equal(taken.filter(Boolean).length, 1);
  });

  it('refuses signatures up to the time that an empty signature covers', async (t) => {
    const world = await make(t);
    const use = (signature: string, ms: number) =>
      world.write((work) => work.signatures.use(key, signature, world.now() + ms));
    assert.equal(await use('', 100), true);
    assert.equal(await use('early', 100), false);
    assert.equal(await use('late', 101), true);
  });

  it('repeats an answer until it is pruned, whatever its time', async (t) => {
    const world = await make(t);
    const keep = (name: string, answer: string) =>
      world.write((work) => work.idempotency.keep(key, name, 'digest', answer, world.now() + 100));
    const find = (name: string) => world.read((work) => work.idempotency.find(key, name));
    await keep('one', 'first');
    await assert.rejects(keep('one', 'second'), { code: 'internal' });
    world.advance(1_000_000);
    assert.deepEqual(await find('one'), { requestDigest: 'digest', answer: 'first' });
    assert.equal(await find('two'), undefined);
    await world.write((work) => work.idempotency.reseal(key, 'one', 'sealed again'));
    assert.deepEqual(await world.read((work) => work.idempotency.list()), [
      { keyId: key, idempotencyKey: 'one', answer: 'sealed again' },
    ]);
    await world.write((work) => work.idempotency.prune(world.now()));
    assert.equal(await find('one'), undefined);
  });
}

function testKeys(make: MakeWorld) {
  it('finds a key by every lookup, and never under another name', async (t) => {
    const world = await make(t);
    const claimed = (id: string) =>
      world.read(async (work) => {
        const found = await work.keys.claimed(id);
        assert.deepEqual(found, await work.keys.find(id));
        return found?.id;
      });
    assert.equal(await claimed('text-0001'), undefined);
    const ids = [await world.key(), await world.key(), await world.key()];
    for (const id of ids) assert.equal(await claimed(id), id);
    for (const id of ['', 'a', ids[1]?.slice(0, -1) ?? '', 'zzz'])
      assert.equal(await claimed(id), undefined);
  });

  it('keeps the time of the first revocation of a key', async (t) => {
    const world = await make(t);
    const id = await world.key();
    const revoke = () => world.write((work) => work.keys.revoke(id));
    const at = world.now();
    await revoke();
    world.advance(10);
    await revoke();
    assert.equal((await world.read((work) => work.keys.find(id)))?.revokedAt, at);
    await assert.rejects(
      world.write((work) => work.keys.revoke('none' as KeyId)),
      { code: 'not_found' },
    );
  });

  it('opens an access link once, in its time, while its key is good', async (t) => {
    const world = await make(t);
    const machineId = await world.machine();
    const [good, revoked, expired] = [await world.key(), await world.key(), await world.key()];
    await world.write(async (work) => {
      await work.keys.revoke(revoked);
      await work.keys.expire(expired, work.now());
    });
    const add = async (keyId: KeyId) => {
      const uid = world.newText();
      const expiresAt = world.now() + 100;
      const { ours: organisationId } = world;
      await world.write((work) =>
        work.access.add({ uid, tokenHash: uid, organisationId, machineId, keyId, expiresAt }),
      );
      return uid;
    };
    const find = async (uid: string) =>
      (await world.read((work) => work.access.find(uid))) !== undefined;
    const use = (uid: string) => world.write((work) => work.access.use(uid, `of ${uid}`));
    for (const keyId of [revoked, expired]) assert.equal(await find(await add(keyId)), false);
    const [used, left] = [await add(good), await add(good)];
    const taken = await Promise.all([use(used), use(used), use(used)]);
    assert.equal(taken.filter(Boolean).length, 1);
    assert.deepEqual([await find(used), await find(left)], [false, true]);
    const sees = async () =>
      (await world.read((work) => work.access.findUsed(`of ${used}`)))?.uid === used;
    assert.equal(await sees(), true);
    world.advance(100);
    assert.deepEqual([await find(left), await sees()], [false, false]);
    await world.write((work) => work.access.prune(world.now()));
    assert.equal(await use(left), false);
  });
}

async function addEntries(world: World, machineIds: readonly MachineId[]) {
  const entry = { keyId: key, action: 'a', requestId: 'r', clientCode: 200 };
  await world.write((work) => work.audit.add({ ...entry, machineIds }), world.ours);
}

function testTrail(make: MakeWorld) {
  it('has an entry for each machine, newest first, and one when there is no machine', async (t) => {
    const world = await make(t);
    const at = world.now();
    await addEntries(world, []);
    world.advance(1);
    await addEntries(world, [5, 6] as MachineId[]);
    const list = (filter: object) =>
      world.read(async (work) => {
        const all = { from: at, to: world.now(), limit: 10, ...filter };
        const { entries, count } = await work.audit.list(all);
        return { machines: entries.map(({ machineId }) => machineId), count };
      });
    assert.deepEqual(await list({}), { machines: [6, 5, null], count: 3 });
    assert.deepEqual(await list({ limit: 1 }), { machines: [6], count: 3 });
    assert.deepEqual(await list({ machineId: 5 }), { machines: [5], count: 1 });
    assert.deepEqual(await list({ actions: [] }), { machines: [], count: 0 });
    assert.deepEqual(await list({ actions: ['a', 'b'], to: at }), { machines: [null], count: 1 });
    await assert.rejects(
      world.write((work) =>
        work.audit.add({ keyId: key, action: 'a', requestId: 'r', clientCode: 200 }),
      ),
      TypeError,
    );
  });

  it('takes many machines in one entry, and is pruned from its oldest end', async (t) => {
    const world = await make(t);
    const many = Array.from({ length: 30_000 }, (_, index) => (index + 1) as MachineId);
    await addEntries(world, many);
    const count = async () =>
      (await world.read((work) => work.audit.list({ from: 0, to: world.now(), limit: 1 }))).count;
    assert.equal(await count(), 30_000);
    world.advance(1);
    const prune = () => world.write((work) => work.audit.prune(world.now()));
    await prune();
    const left = await count();
    assert.ok(left > 0 && left < 30_000);
    await prune();
    assert.equal(await count(), 0);
    assert.equal(await world.read((work) => work.audit.hasBefore(world.now())), false);
  });

  it('has the changes of operators, begun before the work and ended after it', async (t) => {
    const world = await make(t);
    const begin = (thing: string) =>
      world.write((work) =>
        work.operatorAudit.begin({ operator: 'root', action: 'baseAdd', thing }),
      );
    const [first, second] = [await begin('first'), await begin('second')];
    const begunAt = world.now();
    world.advance(5);
    const ended = { thing: 'base 1', outcome: 'done', reason: null } as const;
    await world.write((work) => work.operatorAudit.end(first, ended));
    const list = async (limit: number) =>
      (await world.read((work) => work.operatorAudit.list(limit), world.ours)).map(
        ({ id, thing, outcome, endedAt }) => [id, thing, outcome, endedAt],
      );
    assert.deepEqual(await list(9), [
      [second, 'second', 'begun', null],
      [first, 'base 1', 'done', begunAt + 5],
    ]);
    assert.equal((await list(1)).length, 1);
    const hasOld = () => world.read((work) => work.operatorAudit.hasBefore(world.now()));
    assert.equal(await hasOld(), true);
    await world.write((work) => work.operatorAudit.prune(begunAt));
    assert.equal(await hasOld(), true);
    await world.write((work) => work.operatorAudit.prune(world.now()));
    assert.deepEqual([await hasOld(), await list(9)], [false, []]);
  });

  it('hides a deleted transfer at once, and forgets it later', async (t) => {
    const world = await make(t);
    const [first, second] = [await world.transfer(), await world.transfer()];
    await world.write((work) => work.transfers.delete(first));
    await world.read(async (work) => {
      assert.equal(await work.transfers.find(first), undefined);
      await assert.rejects(work.transfers.get(first), { code: 'not_found' });
      assert.deepEqual(
        (await work.transfers.list()).map(({ id }) => id),
        [second],
      );
      assert.deepEqual(await work.transfers.deleted(), [first]);
    });
    await world.write((work) => work.transfers.remove(first));
    assert.deepEqual(await world.read((work) => work.transfers.deleted()), []);
  });
}

export const testKept = (make: MakeWorld) =>
  describe('a thing that is kept for a time', () => {
    testRequests(make);
    testKeys(make);
    testTrail(make);
  });
