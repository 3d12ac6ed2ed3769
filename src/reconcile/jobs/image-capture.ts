// Captures the disk of a machine that is off. The engine seals the disk as a layer, and the machine
// keeps an empty overlay on that layer.

import { AppError, failedForGood } from '../../domain/error.ts';
import type { LayerId } from '../../domain/ids.ts';
import type { Job } from '../../domain/job.ts';
import type { Layer } from '../../domain/layer.ts';
import { gbBytes } from '../../domain/units.ts';
import { newId } from '../../lib/new-id.ts';
import type { NewLayer } from '../../store/port/layer.ts';
import { BuildLog } from '../build-log.ts';
import { generalizeRecipe } from '../generalize.ts';
import { defineJob, type JobContext, named } from '../job.ts';
import { assertStands } from '../soundness.ts';

const kind = 'imageCapture';
type Capture = Job<typeof kind>;

const idsOf = ({ imageId, machineId }: Capture) => ({
  imageId: named(imageId, kind, 'image'),
  machineId: named(machineId, kind, 'machine'),
});

export const imageCapture = defineJob({
  kind,
  attemptsMax: 4,

  async run(context) {
    const { job, engine, call } = context;
    const { imageId, machineId } = idsOf(job);
    const layerId = await context.begin('layer', newId<LayerId>());
    const { disk, parent, boot } = await context.write(async (work) => {
      await work.images.become(imageId, 'building');
      const machine = await work.machines.get(machineId);
      if (machine.diskId === null)
        throw new AppError('machine_has_no_image', `Machine ${machineId} has no disk.`);
      const found = await work.disks.get(machine.diskId);
      const below = await work.layers.get(found.layerId);
      const { boot: how } = await work.layers.bootOf(below);
      return { disk: found, parent: below, boot: how };
    });
    await context.phase('sealing the disk', 0.5);
    const sizeBytes = disk.sizeGb * gbBytes;
    const bytes = await engine.sealDisk({ diskId: disk.id, layerId, sizeBytes, boot }, call);
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
      // Its bytes are the layer's now; the new overlay is measured soon.
      await work.disks.update(disk.id, { layerId, storedBytes: null });
      if (general) {
        await work.layers.add(general.layer);
        await general.writeRest(work, { exitCode: 0 });
      }
      const headId = general?.layer.id ?? layerId;
      await work.images.become(imageId, 'available', {
        layerId: headId,
        ...(general && { report: general.report }),
      });
      await work.packageLists.want(headId);
      await work.machines.update(machineId, { status: 'off', capturingImageId: null });
    };
  },

  async undo({ job, engine, store, begun, call }) {
    const { machineId } = idsOf(job);
    const { diskId } = await store.read('system', (work) => work.machines.get(machineId));
    const ids = await begun();
    const [layerId, generalisedId] = [ids.get('layer'), ids.get('generalised layer')];
    if (generalisedId !== undefined) await engine.removeLayer(generalisedId as LayerId, call);
    if (layerId !== undefined && diskId !== null)
      await engine.unsealDisk({ diskId, layerId: layerId as LayerId }, call);
  },

  async abandon(work, job, reason) {
    const { imageId, machineId } = idsOf(job);
    await work.images.become(imageId, 'building');
    await work.images.become(imageId, 'failed', { statusReason: reason });
    await work.machines.update(machineId, { status: 'off', capturingImageId: null });
  },
});

/**
 * Builds one more layer on the capture, in which the machine's identity is removed. The machine's
 * own disk stands on the layer below, so it stays as it is.
 */
async function generalize(
  context: JobContext<typeof kind>,
  parentId: LayerId,
  below: Layer,
  sizeBytes: number,
) {
  const { job, engine, store, call } = context;
  const id = await context.begin('generalised layer', newId<LayerId>());
  await context.phase('taking away what identifies the machine', 0.6);
  const { boot, baseLayerId, chain } = await store.read('system', (work) =>
    work.layers.bootOf(below),
  );
  // The store has no row of the captured layer yet, so it is named here.
  const on = { boot, baseLayerId, chain: [parentId, ...chain] };
  const label = 'The generalisation';
  const log = new BuildLog(context.write, idsOf(job).imageId, { software: label });
  const built = await engine.buildLayer(
    {
      layerId: id,
      parentId,
      ...on,
      sizeBytes,
      recipe: generalizeRecipe(boot),
      label,
      onLine: log.add,
    },
    call,
  );
  const writeRest = await log.end();
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
  return { layer, report: built.output.trim(), writeRest };
}
