// The account of the host: what requests reserve together never exceeds what there is, and what
// they reserved is given back when it is free.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accountRoomBytes } from '../../src/domain/account.ts';
import type { MachineId } from '../../src/domain/ids.ts';
import { defaultSettings } from '../../src/reconcile/context.ts';
import { accountOf, fill, gb, measure } from './account.ts';
import { type Harness, large, startHarness } from './harness.ts';
import { settled } from './settled.ts';

const start = (h: Harness, id: number, body = {}) =>
  h.call('machineStart', { params: { id }, body });

describe('a start', () => {
  const room = { hostMemoryMb: 512, memoryOvercommit: 1.5 };

  it('is refused at once with both numbers when another took the memory for which it came', async (t) => {
    const { h, does } = await settled(t, { settings: room });
    await measure(h);
    const answers = await Promise.all(h.machines.map((id) => start(h, id)));
    const refused = answers.find(({ status }) => status === 503)?.body;
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 503]);
    assert.equal(refused.client_code, 440);
    assert.match(refused.message, /needs 512 MB of memory, and 256 of the 768 .* stop another/);
    await h.service.reconciler.settle();
    const first = h.machines[answers.findIndex(({ status }) => status === 200)] ?? 0;
    const other = h.machines.find((id) => id !== first) ?? 0;
    // A start of a machine that is on changes nothing, and takes nothing.
    assert.equal((await start(h, first)).status, 200);
    assert.equal((await h.call('usageGet')).body.memory_mb, 512);
    assert.equal((await h.call('usageGet', {}, h.keys.theirs)).body.memory_mb, 0);
    await does('machineStop', first);
    assert.equal((await start(h, other)).status, 200);
    assert.equal((await accountOf(h)).held.memoryMb, 512);
  });

  it('is admitted by the type that it gives the machine, and by processors', async (t) => {
    const { h, settle } = await settled(t, { settings: { hostCpus: 2, cpuOvercommit: 2.4 } });
    await measure(h);
    const [one = 0, other = 0] = h.machines;
    const { id: typeId } = await h.store.write('system', (work) => work.machineTypes.add(large));
    assert.equal((await start(h, one, { machine_type_id: typeId })).status, 200);
    await settle();
    const { body } = await start(h, other);
    assert.match(body.message, /needs 1 processors, and 0 of the 4 that the host gives/);
    assert.deepEqual((await accountOf(h)).held.cpus, 4);
  });

  it('gives its room back when it fails, and when the machine goes off by itself', async (t) => {
    const { h, settle } = await settled(t, { settings: room });
    await measure(h);
    const { id } = await h.addMachine(h.ours, 'sim-fail-start');
    assert.equal((await start(h, id)).status, 200);
    assert.equal((await accountOf(h)).held.memoryMb, 512);
    await settle();
    assert.equal((await accountOf(h)).held.memoryMb, 0);
    const [own = 0] = h.machines;
    assert.equal((await start(h, own)).status, 200);
    await settle();
    await h.engine.powerOff(own as MachineId);
    await h.service.reconciler.task('observe');
    await settle();
    assert.equal((await accountOf(h)).held.memoryMb, 0);
  });

  it('takes no memory of a machine whose image is made, nor is it refused for builds that wait', async (t) => {
    const { h, does } = await settled(t, {
      settings: {
        ...{ ...room, hostMemoryMb: 2048 },
        limits: { ...defaultSettings.limits, imageInstall: 2 },
      },
    });
    await measure(h);
    const [id = 0, other = 0] = h.machines;
    await does('machineStart', id);
    await does('machineStop', id);
    assert.equal((await h.call('imageCapture', { body: { machine_id: id } })).status, 200);
    assert.equal((await accountOf(h)).held.memoryMb, 0);
    // Two builds run at once with 1 GB each; the third waits for the place of one of them.
    for (const title of [h.editor, h.browser])
      assert.equal(
        (await h.call('imageInstall', { body: { software_ids: [title.id] } })).status,
        200,
      );
    assert.equal((await accountOf(h)).held.memoryMb, 2048);
    const third = await h.call('imageInstall', { body: { software_ids: [h.viewer.id] } });
    assert.equal(third.status, 200);
    assert.equal((await accountOf(h)).held.memoryMb, 2048);
    assert.equal((await start(h, other)).status, 200);
    await h.service.reconciler.settle();
    assert.equal((await accountOf(h)).held.memoryMb, 512);
  });

  it('is admitted for machines of several organisations only as far as there is room, in any order', async (t) => {
    const most = 5;
    const settings = { hostMemoryMb: most * 512, memoryOvercommit: 1 };
    const { h, settle } = await settled(t, { settings });
    await measure(h);
    const own = [...h.machines];
    const theirs: number[] = [];
    for (let count = 0; count < 5; count++) {
      own.push((await h.addMachine(h.ours)).id);
      theirs.push((await h.addMachine(h.theirs)).id);
    }
    const all = [
      ...own.map((id) => ({ id, key: h.keys.ours })),
      ...theirs.map((id) => ({ id, key: h.keys.theirs })),
    ];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    for (let round = 0; round < 12; round++) {
      const asked = Array.from({ length: 6 }, () => all[random(all.length)] ?? all[0]);
      const answers = await Promise.all(
        asked.map((one) =>
          one
            ? h.call(
                random(3) === 0 ? 'machineStop' : 'machineStart',
                { params: { id: one.id } },
                one.key,
              )
            : null,
        ),
      );
      for (const answer of answers)
        assert.ok([200, 440, 4201].includes(answer?.body.client_code), answer?.body.message);
      const { held } = await accountOf(h);
      assert.ok(held.memoryMb <= most * 512, `${held.memoryMb} MB are held`);
      if (random(2) === 0) await settle();
      assert.ok((await h.engine.runningMachines({ signal: t.signal, token: null })).size <= most);
    }
  });
});

describe('bytes', () => {
  it('are reserved by an upload, an export, a build and a start, so that they fit together or are refused', async (t) => {
    const { h, settle, does, install } = await settled(t);
    const [id = 0, other = 0] = h.machines;
    await does('machineStart', id);
    await does('machineStop', id);
    await install([h.viewer.id]);
    await fill(h, 15);
    const room = accountRoomBytes(await accountOf(h));
    const upload = (bytes: number) => h.call('imageImport', { body: { size_bytes: bytes } });
    const sent = await Promise.all([upload(3 * gb), upload(3 * gb)]);
    assert.deepEqual(sent.map(({ body }) => body.client_code).sort(), [200, 440]);
    assert.equal(accountRoomBytes(await accountOf(h)), room - 6 * gb);
    assert.match(
      sent.find(({ status }) => status === 503)?.body.message,
      /may take 6 GB and 4 GB are left on the host beside 6 GB promised/,
    );
    // A build and a start come after it, and fit or do not by the same numbers.
    const build = (software: number[]) =>
      h.call('imageInstall', { body: { software_ids: software } });
    assert.equal((await build([h.editor.id, h.browser.id])).status, 200);
    assert.equal((await build([h.browser.id])).body.client_code, 440);
    assert.equal((await start(h, other)).status, 200);
    const { body } = await start(h, (await h.addMachine(h.ours)).id);
    assert.equal(body.client_code, 440);
    await settle();
    const { held } = await accountOf(h);
    // The build's reservation ended with it, and its layers count instead.
    assert.equal(held.reservedBytes, 6 * gb + 0.5 * gb);
  });

  it('of a generalisation are reserved, and free again when the capture has ended', async (t) => {
    const { h, settle, does } = await settled(t);
    const [id = 0] = h.machines;
    await does('machineStart', id);
    await does('machineStop', id);
    await measure(h);
    const capture = { machine_id: id, generalize: true };
    assert.equal((await h.call('imageCapture', { body: capture })).status, 200);
    const { held } = await accountOf(h);
    assert.ok(held.reservedBytes > 0.5 * gb && held.memoryMb === 1024);
    assert.ok((await h.call('usageGet')).body.reserved_gb > 0.5);
    await settle();
    assert.deepEqual(
      [(await accountOf(h)).held.reservedBytes, (await accountOf(h)).held.memoryMb],
      [0, 0],
    );
  });

  it('are free again only when they are gone from the disk', async (t) => {
    const { h, does } = await settled(t, { settings: { keepImageMs: 0, keepDiskMs: 0 } });
    const { reconciler } = h.service;
    const [id = 0] = h.machines;
    await measure(h);
    const bytes = async () => (await accountOf(h)).held.bytes;
    const before = await bytes();
    await does('machineStart', id);
    await does('machineStop', id);
    await measure(h);
    const withDisk = await bytes();
    assert.ok(withDisk > before);
    await does('machineReset', id);
    assert.equal(await bytes(), withDisk);
    for (let round = 0; round < 3; round++) await reconciler.task('collect');
    assert.equal(await bytes(), before);
  });

  it('of machines that write are watched near the reserve: those that grow most are named', async (t) => {
    const lines: string[] = [];
    const { h, does, write } = await settled(t, { writeLog: (line) => lines.push(line) });
    const [id = 0, other = 0] = h.machines;
    await does('machineStart', id);
    await does('machineStart', other);
    const growers = () => lines.filter((line) => line.includes('the disk of a machine grows'));
    await fill(h, 50);
    await does('machineStop', id);
    await write('x'.repeat(1000));
    await measure(h);
    assert.deepEqual(growers(), []);
    await fill(h, 9);
    await write('x'.repeat(2000));
    await measure(h);
    assert.deepEqual(
      growers()
        .map((line) => JSON.parse(line))
        .map(({ machine, bytes }) => [machine, bytes]),
      [[id, 2000]],
    );
    const metrics = (await h.service.app.inject({ url: '/metrics' })).body;
    assert.match(metrics, new RegExp(`silversmith_disk_growth_bytes{machine="${id}"} 2000`));
    await fill(h, 90);
    assert.ok(!(await h.service.app.inject({ url: '/metrics' })).body.includes('{machine='));
  });

  it('of a machine’s disk count in the quota: a new disk is refused, and the own one starts', async (t) => {
    const { h, does } = await settled(t);
    const [id = 0, other = 0] = h.machines;
    await does('machineStart', id);
    await does('machineStop', id);
    await measure(h);
    await h.store.write('system', (work) => work.organisations.setQuotas(h.ours, { storedGb: 0 }));
    const { body, status } = await start(h, other);
    assert.deepEqual(
      [status, /stored, and the most is 0 .disks of machines/.test(body.message)],
      [400, true],
    );
    assert.equal((await start(h, id)).status, 200);
  });
});

describe('an account', () => {
  it('that was not measured yet refuses nothing, and has no limit where a cluster places machines', async (t) => {
    const { h } = await settled(t, {
      wrapEngine: ({ hostBound: _, ...engine }) => engine,
    });
    const [id = 0] = h.machines;
    assert.equal((await start(h, id)).status, 200);
    await measure(h);
    const { admission, held } = await accountOf(h);
    assert.deepEqual([admission.memoryMb, admission.cpus, held.memoryMb], [null, null, 512]);
    const unlimited = await startHarness(t, { reconcile: false });
    await measure(unlimited);
    assert.ok(((await accountOf(unlimited)).admission.memoryMb ?? 0) > 1e6);
  });
});
