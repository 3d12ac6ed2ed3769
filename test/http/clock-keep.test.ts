// Things that are kept for a time, while the clock is set forward and back: none is removed by a
// clock that jumped, and each is removed in the end.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { DiskId, MachineId, TransferId } from '../../src/domain/ids.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { buildService } from '../../src/server/service.ts';
import { call } from '../call.ts';
import { movableClock } from '../support.ts';
import { settled } from './settled.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const weekMs = 7 * 24 * hourMs;

const orphan = '0123456789abcdefghijklmnop' as DiskId;
const answered = {
  method: 'POST',
  path: '/organization-management/v1/images/install',
  body: '{"name":"Once"}',
  headers: { 'idempotency-key': 'once' },
};

/** Makes one of each thing that is kept for a time; returns the transfer and the link. */
async function makeAll({ h, id, settle, does: ask }: Awaited<ReturnType<typeof settled>>) {
  const does = async (...given: Parameters<typeof ask>) => {
    const body = await ask(...given);
    assert.equal(body.client_code, 200, body.message);
    return body;
  };
  await does('machineStart', id);
  await does('machineStop', id);
  const image = (await does('imageCapture', id, { machine_id: id })).attributes.id;
  const exported = (await does('imageExport', image, {})).id as TransferId;
  await does('imageDelete', image);
  await does('machineReset', id);
  await does('machineStart', id);
  const link = (await does('machineAccess', id, {})).attributes.connection_link;
  await does('machineStop', id);
  await h.send(answered);
  await settle();
  await h.engine.ensureDisk({ diskId: orphan, layerId: h.base.layerId, sizeBytes: 1 }, call);
  await h.store.write('system', (work) =>
    work.signatures.use('key' as never, 'signature', work.now() + 5 * minuteMs),
  );
  return { exported, link };
}

async function keeping(t: TestContext) {
  const moved = movableClock();
  const settings = { lookAgainMs: 10 * minuteMs };
  const stack = await settled(t, { clock: moved.clock, settings });
  const { h, id } = stack;
  const { exported, link } = await makeAll(stack);
  const look = async (reconciler = h.service.reconciler) => {
    for (const task of ['measure', 'collect', 'sweep', 'collect'] as const)
      await reconciler.task(task);
  };
  await look();
  /** The names of the things that still exist. */
  const left = async () => {
    const there = await h.store.read('system', async (work) => ({
      disk: (await work.disks.ofMachine(id as MachineId)).some(({ state }) => state === 'kept'),
      image: (await work.images.deletedAt()).length === 1,
      transfer: (await work.transfers.find(exported)) !== undefined,
      answer: (await work.idempotency.list()).length === 1,
    }));
    // Uses the signature again, in a transaction that is undone.
    const use = h.store.write('system', async (work) => {
      throw (await work.signatures.use('key' as never, 'signature', 0)) ? 'forgotten' : 'known';
    });
    const signature = (await use.catch(String)) === 'known';
    const all = { ...there, signature, orphan: (await h.engine.inventory(call)).disks.has(orphan) };
    return Object.entries(all)
      .filter(([, is]) => is)
      .map(([name]) => name);
  };
  const all = await left();
  assert.deepEqual(all, ['disk', 'image', 'transfer', 'answer', 'signature', 'orphan']);
  /** Starts another server on the same data directory. */
  const restart = async () => {
    const settings = { pollMs: 5, lookAgainMs: 10 * minuteMs, collectDelayMs: 0 };
    const heir = buildService({ ...h, clock: moved.clock, settings, logLevel: 'silent' });
    t.after(() => heir.close());
    return heir.reconciler;
  };
  return { ...moved, h, look, left, all, restart, link, id };
}

describe('a thing that is kept for a time', () => {
  it('stays when the clock jumps a week ahead for one pass of the reconciler', async (t) => {
    const { h, jump, look, left, all, link } = await keeping(t);
    jump(weekMs);
    await look();
    assert.deepEqual(await left(), all);
    assert.equal((await h.send(answered)).headers['idempotent-replayed'], 'true');
    const findings = await examine({
      store: h.store,
      engine: h.engine,
      clock: { ...h.clock, sleep: async () => {} },
    });
    assert.match(
      findings.map(({ found }) => found).join(),
      /waits, because the clock moved by 604800 s/,
    );
    jump(-weekMs);
    await look();
    assert.deepEqual(await left(), all);
    // The link still exists; the machine that it opens is off.
    assert.equal(
      (await h.service.app.inject({ url: new URL(link).pathname })).json().client_code,
      4201,
    );
  });

  it('goes after the clock jumped ahead, once it has run steadily for an hour', async (t) => {
    const { jump, advance, look, left, all } = await keeping(t);
    jump(weekMs);
    await look();
    for (const _ of [1, 2, 3, 4, 5]) {
      advance(11 * minuteMs);
      await look();
      assert.deepEqual(await left(), all);
    }
    advance(6 * minuteMs);
    await look();
    assert.deepEqual(await left(), []);
  });

  it('stays for an hour after the start of a server whose clock differs much from the last one', async (t) => {
    const { jump, advance, look, left, all, restart } = await keeping(t);
    jump(weekMs);
    for (const _ of [1, 2, 3]) {
      const heir = await restart();
      await look(heir);
      advance(50 * minuteMs);
      await look(heir);
      assert.deepEqual(await left(), all);
    }
    const heir = await restart();
    await look(heir);
    advance(61 * minuteMs);
    await look(heir);
    assert.deepEqual(await left(), []);
  });

  it('stays while the clock is set back, and goes when its time is over by a steady clock', async (t) => {
    const { jump, advance, look, left, all } = await keeping(t);
    jump(-weekMs);
    await look();
    advance(2 * hourMs);
    await look();
    assert.deepEqual(await left(), all);
    jump(weekMs);
    await look();
    advance(2 * hourMs);
    await look();
    assert.ok((await left()).includes('disk'));
    advance(weekMs);
    await look();
    assert.deepEqual(await left(), []);
  });

  it('stays for a day more, as the doctor reports, when far more things than usual would go at once', async (t) => {
    const { h, id, advance, look } = await keeping(t);
    const many = 30;
    await h.store.write('system', async (work) => {
      for (let index = 0; index < many; index++) {
        const disk = {
          id: `disk${index}` as DiskId,
          organisationId: h.ours,
          machineId: id as MachineId,
        };
        const more = { layerId: h.base.layerId, imageId: null, replacesId: null, sizeGb: 1 };
        await work.disks.add({ ...disk, ...more, state: 'active' });
        await work.disks.keep(disk.id, 80 * hourMs);
      }
    });
    const kept = () => h.store.read('system', async (work) => (await work.disks.kept()).length);
    advance(73 * hourMs);
    await look();
    // The removal of a single thing is never unusual.
    assert.equal(await kept(), many);
    advance(8 * hourMs);
    await look();
    advance(23 * hourMs);
    await look();
    assert.equal(await kept(), many);
    assert.match(
      (await h.store.read('system', (work) => work.host.removalState())).waiting ?? '',
      /30 of 30 kept disks would go at once/,
    );
    advance(hourMs);
    await look();
    assert.equal(await kept(), 0);
    await look();
    assert.equal((await h.store.read('system', (work) => work.host.removalState())).waiting, null);
  });
});
