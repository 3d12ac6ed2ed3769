// The layers of an image: their sizes, and the things that depend on them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shownLayer } from '../../src/domain/layer.ts';
import { settled } from './settled.ts';

describe('imageStorage', () => {
  it('shows how much an image takes, how much of it is shared, and how much its deletion would free', async (t) => {
    const { h, does, install, headOf } = await settled(t);
    const [id = 0, other = 0] = h.machines;
    const built = await install([h.editor.id]);
    const sizes = await does('imageStorage', built);
    assert.equal(sizes.layers.length, 2);
    assert.deepEqual([sizes.exclusive_bytes, sizes.shared_bytes], [0, sizes.stored_bytes]);

    await does('imageAssign', built, { machine_ids: [id] });
    await does('machineStart', id);
    await does('machineStop', id);
    const captured = (await does('imageCapture', id, { machine_id: id })).attributes.id;
    // The disk of its machine still uses it, so its deletion would free nothing.
    assert.equal((await does('imageStorage', captured)).exclusive_bytes, 0);
    const hangs = await does('imageDependents', captured);
    assert.deepEqual(
      [hangs.machines, hangs.images, hangs.freed_bytes],
      [[{ id, name: `Machine #${id}`, assigned: false, disk: true }], [], 0],
    );
    await does('imageAssign', captured, { machine_ids: [other] });
    assert.deepEqual(
      (await does('imageDependents', captured)).machines.map(
        (one: { assigned: boolean; disk: boolean }) => [one.assigned, one.disk],
      ),
      [
        [true, false],
        [false, true],
      ],
    );
    assert.deepEqual((await does('imageDependents', built)).images, [
      { id: captured, name: `Template #${captured}` },
    ]);

    await does('machineReset', id);
    assert.equal((await does('imageDependents', captured)).kept_disks, 1);
    await h.store.write('system', async (work) => {
      for (const disk of await work.disks.kept())
        await work.disks.update(disk.id, { keptUntil: 0 });
    });
    await h.service.reconciler.task('collect');
    const alone = await does('imageStorage', captured);
    const { storedBytes } = shownLayer(
      await h.store.read('system', async (work) => work.layers.get(await headOf(captured))),
    );
    assert.equal(alone.exclusive_bytes, storedBytes);
    assert.equal((await does('imageDependents', captured)).freed_bytes, storedBytes);
    for (const name of ['imageStorage', 'imageDependents'] as const)
      assert.equal((await h.call(name, { params: { id: captured } }, h.keys.theirs)).status, 404);
  });
});
