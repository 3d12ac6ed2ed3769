// Undo over the whole stack: kept disks come back as they were, assignments are taken back, deleted
// images return, and what is kept gives way only when it must.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { DiskId, MachineId } from '../../src/domain/ids.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { startHarness } from './harness.ts';

async function settled(t: TestContext, settings: Parameters<typeof startHarness>[1] = {}) {
  const h = await startHarness(t, { reconcile: false, ...settings });
  const [id = 0] = h.machines;
  const settle = () => h.service.reconciler.settle();
  const does = async (name: Parameters<typeof h.call>[0], of: number, body?: unknown) => {
    const answer = await h.call(name, { params: { id: of }, body });
    await settle();
    return answer.body;
  };
  const machine = () => h.store.read('system', (work) => work.machines.get(id as MachineId));
  const content = async () => {
    const { diskId } = await machine();
    return diskId === null ? null : h.engine.contentOf(diskId);
  };
  const image = async (software: number[]) => {
    const { body } = await h.call('imageInstall', { body: { software_ids: software } });
    await settle();
    return body.attributes.id as number;
  };
  /** Starts it, writes to its disk, and stops it. */
  const write = async (text: string) => {
    assert.equal((await does('machineStart', id)).client_code, 200);
    await h.engine.writeToDisk((await machine()).diskId as DiskId, text);
    assert.equal((await does('machineStop', id)).client_code, 200);
  };
  return { h, id, does, machine, content, image, write, settle };
}

describe('machineRestore', () => {
  it('brings back what a reset set aside, and undoes itself', async (t) => {
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

  it('takes the disk that is named, and says when there is none', async (t) => {
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

describe('imageAssignUndo', () => {
  it('gives machines that followed the image their disk back, and the others what was assigned before', async (t) => {
    const { h, id, does, machine, content, image, write } = await settled(t);
    const [, other = 0] = h.machines;
    const [a, b] = [await image([h.editor.id]), await image([h.browser.id])];
    await does('imageAssign', a, { machine_ids: [id, other] });
    await write('on a');
    await does('imageAssign', b, { machine_ids: [id, other] });
    await write('on b');
    assert.ok((await content())?.includes('install Browser'));

    const undone = await does('imageAssignUndo', b);
    assert.deepEqual([undone.client_code, undone.count], [200, 2]);
    assert.deepEqual(
      [(await machine()).assignedImageId, (await machine()).assignmentPendingAt],
      [a, null],
    );
    assert.equal((await content())?.at(-1), 'on a');
    // The other had not followed either; image a is what it follows at its next start.
    const waiting = await h.store.read('system', (work) => work.machines.get(other as MachineId));
    assert.equal(waiting.assignedImageId, a);
    assert.notEqual(waiting.assignmentPendingAt, null);
    assert.equal((await does('imageAssignUndo', b)).count, 0);
  });

  it('leaves a machine without a disk when it had none, and changes nothing when one of them cannot', async (t) => {
    const { h, id, does, machine, image, write } = await settled(t);
    const [, other = 0] = h.machines;
    const a = await image([]);
    await does('imageAssign', a, { machine_ids: [id, other] });
    await write('on a');
    await does('machineStart', other);
    const refused = await does('imageAssignUndo', a);
    assert.equal(refused.client_code, 4201);
    assert.equal((await machine()).assignedImageId, a);
    assert.equal((await does('imageAssignUndo', a, { machine_ids: [id] })).count, 1);
    assert.deepEqual([(await machine()).diskId, (await machine()).assignedImageId], [null, null]);
    assert.equal((await does('imageAssignUndo', a, { machine_ids: [id] })).client_code, 409);
    assert.equal((await does('imageAssignUndo', a, { machine_ids: [999] })).client_code, 4211);
  });

  it('says when the disk from before is not kept any more', async (t) => {
    const { h, id, does, image, write } = await settled(t, { settings: { keepDiskMs: 0 } });
    await write('before');
    const a = await image([]);
    await does('imageAssign', a, { machine_ids: [id] });
    await write('on a');
    await h.service.reconciler.task('collect');
    assert.match((await does('imageAssignUndo', a)).message, /is not kept any more/);
  });
});

describe('kept disks', () => {
  it('give way, the oldest first, when an organisation has more of them than it may', async (t) => {
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
    assert.ok(!(await h.engine.inventory()).disks.has(kept[0]?.id as DiskId));
  });
});

describe('a deleted image', () => {
  it('can be brought back with its bytes until its time is over, and then cannot', async (t) => {
    const { h, id, does, write } = await settled(t);
    await write('captured');
    const captured = await does('imageCapture', id, { machine_id: id });
    const image = captured.attributes.id;
    await does('machineReset', id);
    await h.store.write('system', async (work) => {
      for (const disk of await work.disks.kept())
        await work.disks.update(disk.id, { keptUntil: 0 });
    });
    await does('imageDelete', image);
    await h.service.reconciler.task('collect');
    assert.equal((await does('imageGet', image)).client_code, 404);
    const deleted = (await h.call('imageList', { query: '?deleted=true' })).body;
    assert.deepEqual([deleted.count, deleted.images[0].attributes.deleted_at !== null], [1, true]);
    assert.equal(
      (await h.call('imageRestore', { params: { id: image } }, h.keys.theirs)).status,
      404,
    );

    assert.equal((await does('imageRestore', image)).attributes.status, 'available');
    await does('imageAssign', image, { machine_ids: [id] });
    await write('again');
    assert.equal((await does('imageRestore', image)).client_code, 404);
  });

  it('is gone for good after its time, bytes and all', async (t) => {
    const { h, id, does, write } = await settled(t, {
      settings: { keepImageMs: 0, keepDiskMs: 0 },
    });
    await write('captured');
    const image = (await does('imageCapture', id, { machine_id: id })).attributes.id;
    await does('machineReset', id);
    await does('imageDelete', image);
    await h.service.reconciler.task('collect');
    assert.equal((await does('imageRestore', image)).client_code, 404);
    const { layers, disks } = await h.engine.inventory();
    assert.deepEqual([[...layers.keys()], disks.size], [[h.base.layerId], 0]);
  });
});

describe('the machines of a deleted image', () => {
  it('have it again when it is restored: the one that runs on it, and the one that waited for it', async (t) => {
    const { h, id, does, machine, image, write } = await settled(t);
    const [, other = 0] = h.machines;
    const a = await image([h.editor.id]);
    await does('imageAssign', a, { machine_ids: [id, other] });
    await write('on a');
    const shown = async (of: number) => {
      const { attributes } = await does('machineGet', of);
      return [
        attributes.assigned_image_id,
        attributes.assigned_image_name,
        attributes.assignment_pending,
      ];
    };
    const before = [await shown(id), await shown(other), await machine()];
    await does('imageDelete', a);
    assert.deepEqual(
      [await shown(id), await shown(other)],
      [
        [null, null, false],
        [null, null, false],
      ],
    );
    assert.equal((await does('imageRestore', a)).count, 2);
    assert.deepEqual([await shown(id), await shown(other), await machine()], before);
    await does('machineStart', other);
    assert.deepEqual(await shown(other), [a, `Template #${a}`, false]);
  });

  it('do not get it back when they have got something else since, or started without it', async (t) => {
    const { h, id, does, image, write } = await settled(t);
    const [, other = 0] = h.machines;
    const third = (await h.addMachine(h.ours)).id as number;
    const [a, b] = [await image([]), await image([h.editor.id])];
    await does('imageAssign', a, { machine_ids: [id, other, third] });
    await write('on a');
    await does('imageDelete', a);
    await does('machineReset', id);
    await does('machineStart', other);
    await does('imageAssign', b, { machine_ids: [third] });
    assert.equal((await does('imageRestore', a)).count, 0);
    const assigned = async (of: number) =>
      (await does('machineGet', of)).attributes.assigned_image_id;
    assert.deepEqual(
      [await assigned(id), await assigned(other), await assigned(third)],
      [null, null, b],
    );
    assert.equal((await does('machineGet', other)).attributes.friendly_status, 'ready');
    // What the third had before is still what an undo gives back.
    await does('imageAssignUndo', b);
    assert.equal(await assigned(third), a);
  });

  it('get it back when an undo or the restored disk led to it while it was deleted', async (t) => {
    const { h, id, does, machine, image, write } = await settled(t);
    const [, other = 0] = h.machines;
    const [a, b] = [await image([]), await image([h.editor.id])];
    await does('imageAssign', a, { machine_ids: [id, other] });
    await write('on a');
    await does('imageAssign', b, { machine_ids: [id, other] });
    await write('on b');
    await does('imageDelete', a);
    assert.equal((await does('imageAssignUndo', b, { machine_ids: [other] })).count, 1);
    assert.equal((await does('machineGet', other)).attributes.assignment_pending, false);
    await does('machineRestore', id);
    assert.equal((await machine()).assignedImageId, null);
    assert.equal((await does('imageRestore', a)).count, 2);
    const waiting = (await does('machineGet', other)).attributes;
    assert.deepEqual([waiting.assigned_image_id, waiting.assignment_pending], [a, true]);
    assert.deepEqual(
      [(await machine()).assignedImageId, (await machine()).assignmentPendingAt],
      [a, null],
    );
  });

  it('show it again when it was deleted while they started on it', async (t) => {
    const { h, id, does, machine, image, settle } = await settled(t);
    const a = await image([h.editor.id]);
    await does('imageAssign', a, { machine_ids: [id] });
    await h.call('machineStart', { params: { id } });
    await h.call('imageDelete', { params: { id: a } });
    await h.call('imageRestore', { params: { id: a } });
    await settle();
    const { assignedImageId, assignmentPendingAt, status } = await machine();
    assert.deepEqual([assignedImageId, assignmentPendingAt, status], [a, null, 'ready']);
  });
});

describe('a capture that is generalised', () => {
  it('has one more layer, a report, and leaves the machine its own disk', async (t) => {
    const { h, id, does, machine, write } = await settled(t);
    await write('private');
    const plain = (await does('imageCapture', id, { machine_id: id })).attributes.id;
    assert.equal((await does('imageLog', plain)).report, null);
    const general = (await does('imageCapture', id, { machine_id: id, generalize: true }))
      .attributes.id;
    assert.match((await does('imageLog', general)).report, /simulated: The generalisation/);
    const [head, below] = (await does('imageStorage', general)).layers;
    const { diskId } = await machine();
    const disk = await h.store.read('system', (work) => work.disks.get(diskId as DiskId));
    assert.equal(disk.layerId, below.id);
    assert.notEqual(disk.layerId, head.id);

    await h.store.write('system', (work) => work.organisations.setGeneralize(h.ours, true));
    const byDefault = (await does('imageCapture', id, { machine_id: id })).attributes.id;
    assert.notEqual((await does('imageLog', byDefault)).report, null);
    const not = (await does('imageCapture', id, { machine_id: id, generalize: false })).attributes
      .id;
    assert.equal((await does('imageLog', not)).report, null);
  });
});

describe('a protected image', () => {
  it('is not deleted until its protection ends', async (t) => {
    const { does, image } = await settled(t);
    const id = await image([]);
    assert.equal((await does('imageProtect', id, { protected: true })).attributes.protected, true);
    const refused = await does('imageDelete', id);
    assert.deepEqual([refused.client_code, /is protected/.test(refused.message)], [409, true]);
    assert.equal(
      (await does('imageProtect', id, { protected: false })).attributes.protected,
      false,
    );
    assert.equal((await does('imageDelete', id)).client_code, 200);
  });
});
