// Capture: the disk of a machine that is off is sealed as a layer, and the machine goes on with an
// empty overlay on it.

import { AppError, failedForGood } from '../../domain/error.ts';
import type { DiskId, LayerId, MachineId } from '../../domain/ids.ts';
import type { Job } from '../../domain/job.ts';
import type { Layer } from '../../domain/layer.ts';
import { gbBytes } from '../../domain/units.ts';
import { newId } from '../../lib/new-id.ts';
import type { NewLayer } from '../../store/port/layer.ts';
import { generalizeRecipe } from '../generalize.ts';
import { assertStands } from '../tasks/verify.ts';
import type { Context, Workflow } from '../workflow.ts';

const idsOf = (job: Job) => {
  const { imageId, machineId } = job;
  if (imageId === null || machineId === null)
    throw failedForGood('The capture names no image or machine.');
  return { imageId, machineId };
};

export const imageCapture: Workflow = {
  attemptsMax: 4,

  async run(context: Context) {
    const { job, engine } = context;
    const { imageId, machineId } = idsOf(job);
    // Chosen once and kept, so that an attempt after a crash finishes the layer that the first
    // began.
    if (job.data.layerId === undefined) await context.remember({ layerId: newId() });
    const layerId = job.data.layerId as LayerId;
    const { disk, parent } = await context.write(async (work) => {
      await work.images.become(imageId, 'building');
      const machine = await work.machines.get(machineId);
      if (machine.diskId === null)
        throw new AppError('machine_has_no_image', `Machine ${machineId} has no disk.`);
      const found = await work.disks.get(machine.diskId);
      return { disk: found, parent: await work.layers.get(found.layerId) };
    });
    await context.phase('sealing the disk', 0.5);
    const sizeBytes = disk.sizeGb * gbBytes;
    const bytes = await engine.sealDisk({ diskId: disk.id, layerId, sizeBytes });
    const general =
      job.data.generalize === true ? await generalize(context, layerId, parent, sizeBytes) : null;

    return async (work) => {
      await assertStands(work, parent.id);
      await work.layers.add({
        id: layerId,
        kind: 'capture',
        parentId: parent.id,
        baseLayerId: parent.baseLayerId,
        key: null,
        state: 'sealed',
        jobId: null,
        organisationId: job.organisationId,
        boot: null,
        ...bytes,
      });
      await work.disks.update(disk.id, { layerId });
      if (general) await work.layers.add(general.layer);
      await work.images.become(imageId, 'available', {
        layerId: general?.layer.id ?? layerId,
        ...(general && { report: general.report }),
      });
      await work.machines.update(machineId, { status: 'off', capturingImageId: null });
    };
  },

  async undo({ job, engine, store }) {
    const machine = await store.read('system', (work) =>
      work.machines.get(job.machineId as MachineId),
    );
    const layerId = job.data.layerId as LayerId | undefined;
    const generalId = job.data.generalId as LayerId | undefined;
    if (generalId !== undefined) await engine.removeLayer(generalId);
    if (layerId !== undefined) await engine.unsealDisk(machine.diskId as DiskId, layerId);
  },

  async abandon(work, job, reason) {
    const { imageId, machineId } = idsOf(job);
    await work.images.become(imageId, 'building');
    await work.images.become(imageId, 'failed', { statusReason: reason });
    await work.machines.update(machineId, { status: 'off', capturingImageId: null });
  },
};

/**
 * One more layer on the capture, without what identifies the machine; the machine's own disk stands
 * below it and stays as it is.
 */
async function generalize(context: Context, parentId: LayerId, below: Layer, sizeBytes: number) {
  const { job, engine, store, signal } = context;
  if (job.data.generalId === undefined) await context.remember({ generalId: newId() });
  const id = job.data.generalId as LayerId;
  await context.phase('taking away what identifies the machine', 0.6);
  const { boot, baseLayerId, chain } = await store.read('system', (work) =>
    work.layers.bootOf(below),
  );
  // The layer of the capture is not in the store yet.
  const on = { boot, baseLayerId, chain: [parentId, ...chain] };
  const built = await engine.buildLayer(
    {
      layerId: id,
      parentId,
      ...on,
      sizeBytes,
      recipe: generalizeRecipe,
      label: 'The generalisation',
    },
    signal,
  );
  if (built.exitCode !== 0)
    throw failedForGood(
      `The generalisation failed with exit status ${built.exitCode}:\n${built.output.slice(-1000)}`,
    );
  const { virtualBytes, storedBytes } = built;
  const layer: NewLayer = {
    id,
    kind: 'capture',
    parentId,
    baseLayerId: below.baseLayerId,
    key: null,
    state: 'sealed',
    jobId: null,
    organisationId: job.organisationId,
    boot: null,
    virtualBytes,
    storedBytes,
  };
  return { layer, report: built.output.trim() };
}
