// The lives of machines on the simulator, whose guests die, reboot, fall silent and are idle when a
// test says so.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import type { Vital } from '../../src/engine/optional/vitals.ts';
import { movableClock } from '../support.ts';
import { settled } from './settled.ts';
import { assertTold } from './told.ts';

async function ready(t: TestContext, policy: object = {}) {
  const { clock, advance } = movableClock();
  const world = await settled(t, { clock });
  const { h, id, does, settle } = world;
  if (Object.keys(policy).length > 0)
    assert.equal((await does('machinePolicySet', id, policy)).client_code, 200);
  await does('machineStart', id);
  const shown = async () => (await h.call('machineGet', { params: { id } })).body.attributes;
  assert.equal((await shown()).friendly_status, 'ready');
  return {
    ...world,
    advance,
    /** The machine after the guest is like this, and after all that follows from it. */
    async seen(vital: Partial<Vital>) {
      await h.engine.setVital(id as MachineId, vital);
      await h.service.reconciler.task('observe');
      const at = await shown();
      await settle();
      await assertTold(h);
      return { at, last: await shown() };
    },
    async look() {
      await h.service.reconciler.task('observe');
      await settle();
      return shown();
    },
    shown,
  };
}

describe('a machine whose guest ends', () => {
  for (const [pulse, reason] of [
    ['crashed', /its kernel crashed/],
    ['hung', /its guest hung/],
    ['broken', /could not go on/],
    ['off', /its guest powered off/],
  ] as const)
    it(`because it is ${pulse} is off with that reason, and nothing of it is left on`, async (t) => {
      const { seen, h } = await ready(t);
      const { last } = await seen({ pulse });
      assert.equal(last.friendly_status, 'off');
      assert.match(last.status_reason, reason);
      assert.equal(last.restarts_at, null);
      assert.deepEqual(await h.engine.vitals.look({ signal: t.signal, token: null }), new Map());
    });

  it('is told from one whose process was killed', async (t) => {
    const { h, id, look } = await ready(t);
    await h.engine.kill(id as MachineId);
    const last = await look();
    assert.equal(last.friendly_status, 'off');
    assert.match(last.status_reason, /it was killed .* or the host restarted/);
  });

  it('is started again a few times where its policy says so, and then stays off', async (t) => {
    const { seen, look, advance } = await ready(t, { crash_policy: 'restart' });
    for (let crash = 1; crash <= 5; crash++) {
      const { last } = await seen({ pulse: 'crashed' });
      assert.equal(last.friendly_status, 'off');
      assert.match(last.status_reason, new RegExp(`${crash} of at most 5 times`));
      assert.equal((await look()).friendly_status, 'off', 'it waits');
      advance(10_000 * 2 ** (crash - 1));
      const again = await look();
      assert.deepEqual([again.friendly_status, again.restarts_at], ['ready', null]);
    }
    const { last } = await seen({ pulse: 'crashed' });
    assert.match(last.status_reason, /started again 5 times before, so it stays off/);
    advance(3600_000);
    assert.equal((await look()).friendly_status, 'off');
  });

  it('is not started again after its caller stopped, reset or deleted it, or said off', async (t) => {
    const { seen, look, advance, does, id } = await ready(t, { crash_policy: 'restart' });
    for (const change of [
      () => does('machineStop', id),
      () => does('machineReset', id),
      () => does('machinePolicySet', id, { crash_policy: 'off' }),
    ]) {
      const { last } = await seen({ pulse: 'crashed' });
      assert.notEqual(last.restarts_at, null);
      assert.equal((await change()).client_code, 200);
      advance(600_000);
      assert.equal((await look()).friendly_status, 'off');
      await does('machinePolicySet', id, { crash_policy: 'restart' });
      await does('machineStart', id);
    }
    await seen({ pulse: 'crashed' });
    assert.equal((await does('machineDelete', id)).client_code, 200);
    advance(600_000);
    assert.equal((await does('machineUndelete', id)).client_code, 200);
    assert.equal((await look()).friendly_status, 'off');
  });
});

describe('a machine that lives', () => {
  it('is shown as warming up while its guest reboots, and is ready again after that', async (t) => {
    const { seen, h, id } = await ready(t);
    const { at } = await seen({ pulse: 'rebooting' });
    assert.equal(at.friendly_status, 'warming_up');
    assert.match(at.status_reason, /rebooting/);
    assert.equal((await h.call('machineAccess', { params: { id } })).body.client_code, 4201);
    const { at: after } = await seen({ pulse: 'running' });
    assert.deepEqual([after.friendly_status, after.status_reason], ['ready', null]);
  });

  it('stays ready when its agent falls silent, and says so until the agent answers', async (t) => {
    const { seen } = await ready(t);
    assert.equal((await seen({ heardAgoMs: 1000 })).at.status_reason, null);
    const { at } = await seen({ heardAgoMs: 600_000 });
    assert.equal(at.friendly_status, 'ready');
    assert.match(at.status_reason, /agent has not answered since 2\d\d\d-/);
    assert.equal((await seen({ heardAgoMs: 0 })).at.status_reason, null);
  });

  it('shows its root file system until it gets another disk, and what that leaves unused', async (t) => {
    const { seen, does, id, shown, look, h } = await ready(t);
    assert.equal((await shown()).root_system, null);
    const root = { device: 'vda1', type: 'ext4', bytes: 2e9, diskBytes: 10e9, unused: null };
    const write = t.mock.method(h.store, 'write');
    const { at } = await seen({ root });
    assert.ok(write.mock.callCount() > 0);
    const told = { device: 'vda1', type: 'ext4', bytes: 2e9, disk_bytes: 10e9, unused: null };
    assert.deepEqual([at.root_system, at.status_reason], [told, null]);
    // The same again writes nothing.
    write.mock.resetCalls();
    await seen({ root });
    assert.equal(write.mock.callCount(), 0);
    write.mock.restore();
    const unused = 'Its root file system has 2 of 10 GB.';
    const { at: small } = await seen({ root: { ...root, unused } });
    assert.deepEqual(small.root_system, { ...told, unused });
    assert.deepEqual([small.friendly_status, small.status_reason], ['ready', unused]);
    await does('machineStop', id);
    const off = await look();
    assert.deepEqual([off.root_system, off.status_reason], [{ ...told, unused }, null]);
    await does('machineReset', id);
    assert.equal((await shown()).root_system, null);
  });

  it('is stopped when it was idle for its time, and not while it is used or linked to', async (t) => {
    const { seen, look, advance, h, id } = await ready(t, { auto_stop_threshold: 600 });
    assert.equal((await look()).auto_stop_threshold, 600);
    const idle = { cpuShare: 0.01, users: 0 };
    const used = [{ cpuShare: 0.7 }, { users: 1 }];
    for (const use of used) {
      await seen({ ...idle, ...use });
      advance(700_000);
      assert.equal((await look()).friendly_status, 'ready');
    }
    await h.call('machineAccess', { params: { id }, body: { expires_in: 3600 } });
    await seen(idle);
    advance(700_000);
    assert.equal((await look()).friendly_status, 'ready');
    advance(3600_000);
    assert.equal((await look()).friendly_status, 'ready', 'it is idle only now');
    advance(600_000);
    const stopped = await look();
    assert.equal(stopped.friendly_status, 'off');
    assert.match(stopped.status_reason, /nobody used it for 10 minutes/);
    assert.match(await metricsOf(h), /silversmith_guests_ended_total\{end="idle"\} 1/);
  });

  it('has the policy of the installation until it has one of its own', async (t) => {
    const machinePolicy = { crashPolicy: 'restart', autoStopS: 1800 } as const;
    const { h, id, does } = await settled(t, { settings: { machinePolicy } });
    const policy = async () => {
      const { attributes } = (await h.call('machineGet', { params: { id } })).body;
      return [attributes.crash_policy, attributes.auto_stop_threshold];
    };
    assert.deepEqual(await policy(), ['restart', 1800]);
    await does('machinePolicySet', id, { auto_stop_threshold: 0 });
    assert.deepEqual(await policy(), ['restart', 0]);
    assert.equal((await does('machinePolicySet', id, {})).client_code, 400);
    for (const body of [
      { auto_stop_threshold: -1 },
      { auto_stop_threshold: 1e12 },
      { crash_policy: 'maybe' },
    ])
      assert.equal((await does('machinePolicySet', id, body)).client_code, 400);
    assert.deepEqual(await policy(), ['restart', 0]);
  });
});

const metricsOf = async (h: Awaited<ReturnType<typeof ready>>['h']): Promise<string> =>
  (await h.sendRaw({ method: 'GET', path: '/metrics' })).payload;
