// The contract of disks: they are made, sealed and removed.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AppError } from '../../../src/domain/error.ts';
import { call } from '../../call.ts';
import type { World } from './world.ts';
import { diskId, layerId } from './world.ts';

export function testDisks(world: World): void {
  it('makes a disk once, and may be asked to remove it again', async () => {
    const { base, engine, sizeBytes } = world;
    const id = diskId();
    await engine.ensureDisk({ diskId: id, layerId: base, sizeBytes }, call);
    await engine.ensureDisk({ diskId: id, layerId: base, sizeBytes }, call);
    assert.ok((await engine.inventory(call)).disks.has(id));
    await engine.removeDisk(id, call);
    await engine.removeDisk(id, call);
    assert.ok(!(await engine.inventory(call)).disks.has(id));
  });

  it('refuses a disk on a layer that does not exist', async () => {
    const { engine, sizeBytes } = world;
    await assert.rejects(
      engine.ensureDisk({ diskId: diskId(), layerId: layerId(), sizeBytes }, call),
      AppError,
    );
  });

  it('seals a disk as a layer and undoes it; repeating either call changes nothing', async () => {
    const { base, engine, sizeBytes } = world;
    const disk = diskId();
    const layer = layerId();
    await engine.ensureDisk({ diskId: disk, layerId: base, sizeBytes }, call);
    const sealed = await engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
    assert.ok(sealed.storedBytes > 0);
    await engine.sealDisk({ diskId: disk, layerId: layer, sizeBytes }, call);
    const { layers, disks } = await engine.inventory(call);
    assert.ok(layers.has(layer) && disks.has(disk));
    await engine.unsealDisk({ diskId: disk, layerId: layer }, call);
    await engine.unsealDisk({ diskId: disk, layerId: layer }, call);
    const undone = await engine.inventory(call);
    assert.ok(!undone.layers.has(layer) && undone.disks.has(disk));
    await engine.removeDisk(disk, call);
  });
}
