// Keys of an organisation that are managed by one of them: no key gets more than the one that asks.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Permission } from '../../src/domain/key.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { virtualClock } from '../support.ts';
import { startHarness } from './harness.ts';
import type { Key } from './requests.ts';

type Harness = Awaited<ReturnType<typeof startHarness>>;

const make = (h: Harness, body: object, as?: Key) =>
  h.call('keyCreate', { body: { name: 'new', ...body } }, as);
const isGood = async (h: Harness, key: Key) => (await h.call('usageGet', {}, key)).status === 200;

describe('a key that may manage keys', () => {
  it('makes, lists, rotates and revokes keys of its own organisation, and shows each secret once', async (t) => {
    const clock = virtualClock();
    const h = await startHarness(t, { reconcile: false, clock });
    const made = (await make(h, { permissions: ['images:read'] })).body;
    assert.equal(await isGood(h, made), true);
    const rotated = await h.call('keyRotate', {
      params: { id: made.key },
      body: { overlap_seconds: 60 },
    });
    assert.deepEqual([await isGood(h, made), await isGood(h, rotated.body)], [true, true]);
    await clock.sleep(60_000);
    assert.deepEqual([await isGood(h, made), await isGood(h, rotated.body)], [false, true]);
    const { keys } = (await h.call('keyList')).body;
    assert.ok(!JSON.stringify(keys).includes(rotated.body.secret));
    assert.ok(keys.every(({ id }: { id: string }) => id !== h.keys.theirs.key));
    assert.equal(
      (await h.call('keyRevoke', { params: { id: rotated.body.key }, body: {} })).status,
      200,
    );
    assert.equal(await isGood(h, rotated.body), false);
    const again = await h.call('keyRotate', { params: { id: rotated.body.key }, body: {} });
    assert.equal(again.status, 404, 'a revoked key has no successor');
    const { logs } = (await h.call('userActionLogList')).body;
    assert.deepEqual(
      logs.slice(1, 4).map(({ attributes }: { attributes: { action_type: string } }) => [
        attributes.action_type,
        // biome-ignore lint/suspicious/noExplicitAny: an answer
        (attributes as any).metadata.touched_key,
      ]),
      [
        ['key_revoked', rotated.body.key],
        ['key_rotated', made.key],
        ['key_created', made.key],
      ],
    );
  });

  it('gives no permission and no time that it has not itself, neither by a rotation', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const few: Permission[] = ['keys:write', 'images:read'];
    const limited = await h.makeKey(h.ours, few);
    const refused = async (answer: ReturnType<Harness['call']>, says: RegExp) => {
      const { status, body } = await answer;
      assert.deepEqual([status, body.client_code], [403, 4710]);
      assert.match(body.message, says);
    };
    await refused(make(h, { permissions: ['images:write'] }, limited), /lacks images:write/);
    const strong = { params: { id: h.keys.ours.key }, body: {} };
    await refused(h.call('keyRotate', strong, limited), /lacks images:write/);
    assert.equal((await make(h, { permissions: few }, limited)).status, 200);
    assert.equal((await make(h, { permissions: ['all'] })).status, 400);
    const inAnHour = new Date(Date.now() + 3600_000).toISOString();
    const short = (await make(h, { permissions: few, expires_at: inAnHour })).body;
    const inTwo = new Date(Date.now() + 7200_000).toISOString();
    await refused(make(h, { permissions: few, expires_at: inTwo }, short), /lasts longer/);
    await refused(
      h.call('keyRotate', { params: { id: limited.key }, body: {} }, short),
      /lasts longer/,
    );
    const child = (await make(h, { permissions: few }, short)).body;
    const { keys } = (await h.call('keyList')).body;
    const end = (id: string) => keys.find((one: { id: string }) => one.id === id).expires_at;
    assert.equal(end(child.key), inAnHour);
    const past = await make(h, { permissions: few, expires_at: '2020-01-01T00:00:00Z' });
    assert.equal(past.status, 400);
  });

  it('does not find the key of another organisation, nor one of operators', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    for (const id of [h.keys.theirs.key, 'ssnone123456', 'opnone123456'])
      for (const name of ['keyRotate', 'keyRevoke'] as const)
        assert.equal((await h.call(name, { params: { id }, body: {} })).status, 404, id);
    assert.equal(await isGood(h, h.keys.theirs), true);
  });

  it('revokes itself only when the request says so', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const params = { id: h.keys.ours.key };
    const accident = await h.call('keyRevoke', { params, body: {} });
    assert.deepEqual([accident.status, /itself: true/.test(accident.body.message)], [400, true]);
    assert.equal(await isGood(h, h.keys.ours), true);
    assert.equal((await h.call('keyRevoke', { params, body: { itself: true } })).status, 200);
    assert.equal(await isGood(h, h.keys.ours), false);
  });

  it('makes no key when it is revoked while its request is on the way', async (t) => {
    let revoke: (() => Promise<void>) | null = null;
    const slow = (store: Store): Store => ({
      ...store,
      async write(scope, work) {
        if (scope !== 'system') await revoke?.();
        return store.write(scope, work);
      },
    });
    const h = await startHarness(t, { reconcile: false, wrapStore: slow });
    revoke = () => h.store.write('system', (work) => work.keys.revoke(h.keys.ours.key as never));
    const { status } = await make(h, { permissions: ['images:read'] });
    revoke = null;
    assert.equal(status, 401);
    const keys = await h.store.read(h.ours, (work) => work.keys.list());
    assert.ok(keys.every(({ name }) => name !== 'new'));
  });

  it('gets the same secret for the same Idempotency-Key, which is kept sealed', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const call = () =>
      h.call('keyCreate', {
        body: { name: 'new', permissions: [] },
        headers: { 'idempotency-key': 'one' },
      });
    const [first, again] = [await call(), await call()];
    assert.deepEqual(first.body, again.body);
    const kept = JSON.stringify(await h.store.read('system', (work) => work.idempotency.list()));
    assert.ok(!kept.includes(first.body.secret));
  });
});
