// Deleted images that are brought back, and the machines to which they were assigned.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { call } from '../call.ts';
import { settled } from './settled.ts';

describe('a deleted image', () => {
  it('can be brought back with its bytes once, and only by its own organisation', async (t) => {
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

  it('is removed after its time, with its bytes', async (t) => {
    const { h, id, does, write } = await settled(t, {
      settings: { keepImageMs: 0, keepDiskMs: 0 },
    });
    await write('captured');
    const image = (await does('imageCapture', id, { machine_id: id })).attributes.id;
    await does('machineReset', id);
    await does('imageDelete', image);
    await h.service.reconciler.task('collect');
    assert.equal((await does('imageRestore', image)).client_code, 404);
    const { layers, disks } = await h.engine.inventory(call);
    assert.deepEqual([[...layers.keys()], disks.size], [[h.base.layerId], 0]);
  });
});

describe('the machines of a deleted image', () => {
  it('get it back when it is restored, whether they run on it or wait for it', async (t) => {
    const { h, id, does, machine, install, write } = await settled(t);
    const [, other = 0] = h.machines;
    const a = await install([h.editor.id]);
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

  it('do not get it back when they were given another image since, or were started without it', async (t) => {
    const { h, id, does, install, write } = await settled(t);
    const [, other = 0] = h.machines;
    const third = (await h.addMachine(h.ours)).id as number;
    const [a, b] = [await install([]), await install([h.editor.id])];
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
    // An undo still gives the third machine its former assignment.
    await does('imageAssignUndo', b);
    assert.equal(await assigned(third), a);
  });

  it('get it back when an undo or a restored disk assigned it to them while it was deleted', async (t) => {
    const { h, id, does, machine, install, write } = await settled(t);
    const [, other = 0] = h.machines;
    const [a, b] = [await install([]), await install([h.editor.id])];
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

  it('get it back when it was deleted and restored while they started on it', async (t) => {
    const { h, id, does, machine, install, settle } = await settled(t);
    const a = await install([h.editor.id]);
    await does('imageAssign', a, { machine_ids: [id] });
    await h.call('machineStart', { params: { id } });
    await h.call('imageDelete', { params: { id: a } });
    await h.call('imageRestore', { params: { id: a } });
    await settle();
    const { assignedImageId, assignmentPendingAt, status } = await machine();
    assert.deepEqual([assignedImageId, assignmentPendingAt, status], [a, null, 'ready']);
  });
});
