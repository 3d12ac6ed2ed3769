// Disks that were replaced: they come back as they were, and are kept within their quota.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DiskId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { call } from '../call.ts';
import { settled } from './settled.ts';

describe('machineRestore', () => {
  it('brings back the disk that a reset has replaced, and can be undone in the same way', async (t) => {
    const { h, id, does, content, write } = await settled(t);
    await write('first');
    await does('machineReset', id);
    await write('second');
    const before = await content();
    assert.equal(before?.at(-1), 'second');
    assert.equal((await does('machineRestore', id)).client_code, 200);
    assert.equal((await content())?.at(-1), 'first');
    assert.equal((await does('machineRestore', id)).client_code, 200);
    assert.deepEqual(await content(), before);
    const { disks } = (await h.call('machineDiskList', { params: { id } })).body;
    assert.deepEqual(
      disks.map(({ attributes }: { attributes: { state: string; kept_until: string | null } }) => [
        attributes.state,
        attributes.kept_until !== null,
      ]),
      [
        ['active', false],
        ['kept', true],
      ],
    );
    assert.equal((await does('machineStart', id)).client_code, 200);
    assert.equal((await does('machineRestore', id)).client_code, 4201);
  });

  it('brings back the disk that is named, and is refused when there is none', async (t) => {
    const { h, id, does, content, write } = await settled(t);
    assert.match((await does('machineRestore', id)).message, /has no kept disk/);
    for (const text of ['one', 'two', 'three']) {
      await write(text);
      await does('machineReset', id);
    }
    const { disks } = (await h.call('machineDiskList', { params: { id } })).body;
    assert.equal(disks.length, 3);
    const first = disks.find((disk: { id: DiskId }) => h.engine.contentOf(disk.id).includes('one'));
    assert.equal((await does('machineRestore', id, { disk_id: first.id })).client_code, 200);
    assert.equal((await content())?.at(-1), 'one');
    assert.equal((await does('machineRestore', id, { disk_id: 'nothing' })).client_code, 404);
    const [other = 0] = h.machines.slice(1);
    assert.equal((await does('machineRestore', other, { disk_id: disks[1].id })).client_code, 404);
  });
});

describe('kept disks', () => {
  it('are removed, the oldest first, when an organisation has more of them than its quota', async (t) => {
    const { h, id, does, write } = await settled(t);
    for (const text of ['one', 'two', 'three']) {
      await write(text);
      await does('machineReset', id);
    }
    const kept = await h.store.read('system', (work) => work.disks.kept());
    await h.store.write('system', async (work) => {
      for (const disk of kept) await work.disks.update(disk.id, { storedBytes: 2 * gbBytes });
      await work.organisations.setQuotas(h.ours, { keptGb: 4 });
    });
    assert.deepEqual((await h.call('usageGet')).body.kept_gb, { used: 6, limit: 4 });
    await h.service.reconciler.task('collect');
    const left = await h.store.read('system', (work) => work.disks.kept());
    assert.deepEqual(
      left.map((disk) => disk.id),
      kept.slice(1).map((disk) => disk.id),
    );
    assert.ok(!(await h.engine.inventory(call)).disks.has(kept[0]?.id as DiskId));
  });
});
