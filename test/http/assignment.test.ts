// The assignment of images to machines, and its undo.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MachineId } from '../../src/domain/ids.ts';
import { startHarness } from './harness.ts';
import { settled } from './settled.ts';

const install = (h: Awaited<ReturnType<typeof startHarness>>, body: unknown = {}) =>
  h.call('imageInstall', { body });

describe('imageAssign', () => {
  it('makes the disk anew at the next start, during which the machine is installing', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    const { body: image } = await install(h, { software_ids: [h.editor.id] });
    await h.imageSettled(image.attributes.id);
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    assert.equal(
      (await h.call('imageAssign', { params: { id: image.id }, body: { machine_ids: [id, id] } }))
        .status,
      200,
    );
    const off = await h.machineIs(id, 'off');
    assert.deepEqual(
      [off.assigned_image_id, off.assigned_image_name, off.assignment_pending],
      [Number(image.id), image.attributes.name, true],
    );
    await h.service.reconciler.stop();
    await h.call('machineStart', { params: { id } });
    assert.equal(
      (await h.call('machineGet', { params: { id } })).body.attributes.friendly_status,
      'installing',
    );
  });

  it('assigns to all of the machines or to none', async (t) => {
    const h = await startHarness(t);
    const { body: image } = await install(h);
    await h.imageSettled(image.attributes.id);
    const foreign = await h.addMachine(h.theirs);
    const answer = await h.call('imageAssign', {
      params: { id: image.id },
      body: { machine_ids: [h.machines[0], foreign.id] },
    });
    assert.deepEqual([answer.status, answer.body.client_code], [404, 4211]);
    assert.equal(
      (await h.call('machineGet', { params: { id: h.machines[0] } })).body.attributes
        .assigned_image_id,
      null,
    );
  });

  it('refuses an image that is not available (4210) and a disk that is too small (4510), naming both sizes', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { body: image } = await install(h, { software_ids: [h.editor.id, h.browser.id] });
    const assign = (machine_ids: unknown) =>
      h.call('imageAssign', { params: { id: image.id }, body: { machine_ids } });
    assert.equal((await assign(h.machines)).body.client_code, 4210);
    h.service.reconciler.start();
    await h.imageSettled(image.attributes.id);
    const small = await h.addMachine(h.ours, null, 2);
    const refused = await assign([small.id]);
    assert.equal(refused.body.client_code, 4510);
    assert.match(refused.body.message, /4 GB.*2 GB/);
    for (const wrong of [
      [],
      undefined,
      'all',
      [0],
      [1.5],
      Array.from({ length: 1001 }, (_, index) => index + 1),
    ]) {
      assert.equal(
        (await assign(wrong)).body.client_code,
        400,
        JSON.stringify(wrong)?.slice(0, 40),
      );
    }
  });

  it('stops a machine that is starting, and its next start has the image', async (t) => {
    const h = await startHarness(t, { speed: 40 });
    const [id = 0] = h.machines;
    const { body: image } = await install(h, { software_ids: [h.editor.id] });
    await h.imageSettled(image.attributes.id);
    await h.call('machineStart', { params: { id } });
    assert.equal(
      (await h.call('imageAssign', { params: { id: image.id }, body: { machine_ids: [id] } }))
        .status,
      200,
    );
    assert.equal((await h.machineIs(id, 'off')).assignment_pending, true);
    await h.call('machineStart', { params: { id } });
    assert.equal((await h.machineIs(id, 'ready')).assignment_pending, false);
    const machine = await h.store.read('system', (work) => work.machines.get(id as never));
    assert.ok(h.engine.contentOf(machine.diskId ?? ('' as never)).includes('install Editor'));
  });
});

describe('imageAssignUndo', () => {
  it('gives machines with a disk of the image their former disk, and the others their former assignment', async (t) => {
    const { h, id, does, machine, content, install, write } = await settled(t);
    const [, other = 0] = h.machines;
    const [a, b] = [await install([h.editor.id]), await install([h.browser.id])];
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
    // The other machine had followed neither image; it will follow image a at its next start.
    const waiting = await h.store.read('system', (work) => work.machines.get(other as MachineId));
    assert.equal(waiting.assignedImageId, a);
    assert.notEqual(waiting.assignmentPendingAt, null);
    assert.equal((await does('imageAssignUndo', b)).count, 0);
  });

  it('leaves a machine that had no disk without one, and changes nothing when one machine must not be changed', async (t) => {
    const { h, id, does, machine, install, write } = await settled(t);
    const [, other = 0] = h.machines;
    const a = await install([]);
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

  it('is refused with the reason when the former disk is no longer kept', async (t) => {
    const { h, id, does, install, write } = await settled(t, { settings: { keepDiskMs: 0 } });
    await write('before');
    const a = await install([]);
    await does('imageAssign', a, { machine_ids: [id] });
    await write('on a');
    await h.service.reconciler.task('collect');
    assert.match((await does('imageAssignUndo', a)).message, /is not kept any more/);
  });
});
