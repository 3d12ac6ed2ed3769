// Capture: the disk of a machine that is off is sealed as a layer, and the machine goes on with an empty overlay on it.

import { AppError, failedForGood } from '../domain/error.ts';
import type { DiskId, LayerId, MachineId } from '../domain/ids.ts';
import { gbBytes } from '../domain/layer.ts';
import type { Operation } from '../domain/operation.ts';
import { newId } from '../lib/new-id.ts';
import type { Context, Workflow } from './workflow.ts';

const idsOf = (operation: Operation) => {
  const { imageId, machineId } = operation;
  if (imageId === null || machineId === null) throw failedForGood('The capture names no image or machine.');
  return { imageId, machineId };
};

export const imageCapture: Workflow = {
  attemptsMax: 4,

  async run(context: Context) {
    const { operation, engine } = context;
    const { imageId, machineId } = idsOf(operation);
    // Chosen once and kept, so that an attempt after a crash finishes the layer that the first began.
    if (operation.data.layerId === undefined) await context.remember({ layerId: newId() });
    const layerId = operation.data.layerId as LayerId;
    const { disk, parent } = await context.write(async (work) => {
      await work.images.become(imageId, 'building');
      const machine = await work.machines.get(machineId);
      if (machine.diskId === null) throw new AppError('machine_has_no_image', `Machine ${machineId} has no disk.`);
      const found = await work.disks.get(machine.diskId);
      return { disk: found, parent: await work.layers.get(found.layerId) };
    });
    await context.phase('sealing the disk', 0.5);
    const bytes = await engine.sealDisk({ diskId: disk.id, layerId, sizeBytes: disk.sizeGb * gbBytes });

    return async (work) => {
      await work.layers.add({
        id: layerId,
        kind: 'capture',
        parentId: parent.id,
        baseLayerId: parent.baseLayerId,
        key: null,
        state: 'sealed',
        operationId: null,
        ...bytes,
      });
      await work.disks.update(disk.id, { layerId });
      await work.images.become(imageId, 'available', { layerId });
      await work.machines.update(machineId, { status: 'off', capturingImageId: null });
    };
  },

  async undo({ operation, engine, store }) {
    const machine = await store.read('system', (work) => work.machines.get(operation.machineId as MachineId));
    const layerId = operation.data.layerId as LayerId | undefined;
    if (layerId !== undefined) await engine.unsealDisk(machine.diskId as DiskId, layerId);
  },

  async abandon(work, operation, reason) {
    const { imageId, machineId } = idsOf(operation);
    await work.images.become(imageId, 'building');
    await work.images.become(imageId, 'failed', { statusReason: reason });
    await work.machines.update(machineId, { status: 'off', capturingImageId: null });
  },
};
