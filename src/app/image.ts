// What a request may do with images: look, write an intention, and return. The reconciler makes it
// true.

import type { BaseImage } from '../domain/base.ts';
import { AppError } from '../domain/error.ts';
import { assertRoom } from '../domain/host.ts';
import type { BaseImageId, ImageId, MachineId, SoftwareId } from '../domain/ids.ts';
import {
  assertAssignable,
  assertDeletable,
  type BuildStep,
  builtImageSizeGb,
  type Image,
  parseImageName,
} from '../domain/image.ts';
import type { Job } from '../domain/job.ts';
import { chainHeightMax } from '../domain/layer.ts';
import {
  assertCapturable,
  assertMayGetImage,
  type Machine,
  planAssign,
} from '../domain/machine.ts';
import { canonicalOrder, layerKey, pickSoftware, type Software } from '../domain/software.ts';
import { gbBytes } from '../domain/units.ts';
import type { ReadContext, RequestContext } from './context.ts';
import { assertQuota } from './usage.ts';

/** An image with what is shown beside it. */
export interface ImageView {
  image: Image;
  softwares: Pick<Software, 'id' | 'name' | 'sizeGb'>[];
  job: Job | undefined;
}

export async function viewImages(
  { work }: ReadContext,
  images: readonly Image[],
): Promise<ImageView[]> {
  const built = images
    .filter((image) => image.source === 'pre_installation')
    .map((image) => image.id);
  const unsettled = images
    .filter((image) => image.status === 'pending' || image.status === 'building')
    .map((image) => image.id);
  const softwares = await work.images.softwareOf(built);
  const jobs = await work.jobs.ofImages(unsettled);
  return images.map((image) => ({
    image,
    softwares: softwares
      .filter((row) => row.imageId === image.id)
      .map((row) => ({ id: row.softwareId, name: row.name, sizeGb: row.sizeGb })),
    job: jobs.find((job) => job.imageId === image.id),
  }));
}

const viewImage = async (context: ReadContext, image: Image): Promise<ImageView> => {
  const [view] = await viewImages(context, [image]);
  return view ?? { image, softwares: [], job: undefined };
};

export async function imageList(
  context: ReadContext,
  filter: { page: number; perPage: number; q?: string | undefined; deleted?: boolean | undefined },
) {
  const { images, count } = await context.work.images.list(filter);
  return { images: await viewImages(context, images), count };
}

export async function imageGet(context: ReadContext, id: ImageId): Promise<ImageView> {
  return viewImage(context, await context.work.images.get(id));
}

export async function imageCapture(
  context: RequestContext,
  input: { machineId: MachineId; name?: string | undefined; generalize?: boolean | undefined },
): Promise<ImageView> {
  const { work, organisationId, touched } = context;
  const name = input.name === undefined ? null : parseImageName(input.name);
  const machine = await work.machines.get(input.machineId);
  assertCapturable(machine);
  await assertQuota(context, { images: 1, builds: 1, storedGb: 0 });
  await assertHostRoom(context, 0);
  await assertLow(context, machine);
  const image = await work.images.add({
    organisationId,
    name,
    sizeGb: machine.diskSizeGb,
    source: 'seat',
    baseImageId: null,
    machineId: machine.id,
  });
  touched({ imageId: image.id, machineIds: [machine.id] });
  await work.machines.update(machine.id, {
    status: 'installing',
    capturingImageId: image.id,
    statusReason: null,
  });
  const generalize = input.generalize ?? (await work.usage.generalizes());
  await work.jobs.enqueue([
    {
      kind: 'imageCapture',
      organisationId,
      imageId: image.id,
      machineId: machine.id,
      data: { generalize },
    },
  ]);
  return viewImage(context, image);
}

/** A capture and its generalisation are two layers more. Throws `unavailable`. */
async function assertLow({ work }: ReadContext, { id, diskId }: Machine): Promise<void> {
  const disk = diskId === null ? undefined : await work.disks.find(diskId);
  const height = disk ? (await work.layers.chain(disk.layerId)).length : 0;
  if (height + 2 <= chainHeightMax) return;
  throw new AppError(
    'unavailable',
    `The disk of machine ${id} stands on ${height} layers, and ${chainHeightMax - 2} is the most for a capture; they are being joined in the background, so try again in some minutes.`,
  );
}

export interface InstallInput {
  name?: string | undefined;
  softwareIds?: readonly SoftwareId[] | undefined;
  baseImageId?: BaseImageId | undefined;
}

export async function imageInstall(
  context: RequestContext,
  input: InstallInput,
): Promise<ImageView> {
  const { work, organisationId } = context;
  const name = input.name === undefined ? null : parseImageName(input.name);
  const base = await work.bases.get(input.baseImageId);
  await assertQuota(context, { images: 1, builds: 1 });
  const list = canonicalOrder(pickSoftware(await work.software.list(), input.softwareIds ?? []));
  await assertHostRoom(context, await newBytes(context, base, list));
  const sizeGb = builtImageSizeGb(
    base.sizeGb,
    list.map((software) => software.sizeGb),
  );
  const image = await work.images.add(
    {
      organisationId,
      name,
      sizeGb,
      source: 'pre_installation',
      baseImageId: base.id,
      machineId: null,
    },
    list.map((software) => software.id),
  );
  context.touched({ imageId: image.id });
  await work.jobs.enqueue([{ kind: 'imageInstall', organisationId, imageId: image.id }]);
  return viewImage(context, image);
}

export async function assertHostRoom(
  { work }: ReadContext,
  neededBytes: number,
  promisedBytes = 0,
): Promise<void> {
  const capacity = await work.host.capacity();
  if (capacity) assertRoom(capacity, neededBytes, promisedBytes);
}

/** What the steps that no earlier build made may take. */
async function newBytes(
  { work }: ReadContext,
  base: BaseImage,
  list: readonly Software[],
): Promise<number> {
  let key = (await work.layers.get(base.layerId)).key ?? base.layerId;
  let bytes = 0;
  for (const software of list) {
    key = layerKey(key, software.recipeDigest);
    if ((await work.layers.byKey(key))?.state !== 'sealed') bytes += software.sizeGb * gbBytes;
  }
  return bytes;
}

/** All or nothing: one machine that may not get the image, and none does. */
export async function imageAssign(
  { work, organisationId, touched }: RequestContext,
  imageId: ImageId,
  machineIds: readonly MachineId[],
): Promise<void> {
  const image = await work.images.get(imageId);
  const machines = await work.machines.getMany([...new Set(machineIds)]);
  assertAssignable(image);
  assertMayGetImage(machines, image);
  const idsThat = (plan: ReturnType<typeof planAssign>) =>
    machines.filter((machine) => planAssign(machine) === plan).map((machine) => machine.id);
  const ids = machines.map((machine) => machine.id);
  touched({ imageId, machineIds: ids });
  await work.machines.assign(ids, image.id);
  await work.machines.updateMany(idsThat('request-stop'), { stopRequestedAt: work.now() });
  await work.machines.updateMany(idsThat('stop'), { status: 'turning_off' });
  await work.jobs.enqueue(
    idsThat('stop').map((machineId) => ({ kind: 'machineStop', organisationId, machineId })),
  );
}

export async function imageDelete({ work, touched }: RequestContext, id: ImageId): Promise<void> {
  const image = await work.images.get(id);
  assertDeletable(image);
  touched({ imageId: id });
  if (image.status === 'pending') {
    // The cancelled job settles nothing any more, so its machine and its transfer are settled here.
    const cancelled = await work.jobs.cancelOfImage(id);
    if (image.machineId !== null) {
      touched({ machineIds: [image.machineId] });
      await work.machines.update(image.machineId, { status: 'off', capturingImageId: null });
    }
    const transferId = cancelled?.transferId ?? undefined;
    if (transferId !== undefined) {
      touched({ transferId });
      const statusReason = 'Its image was deleted before it was made.';
      await work.transfers.update(transferId, { status: 'failed', statusReason });
    }
  }
  // Machines keep its assignment in their rows, where it counts for nothing while the image is
  // deleted.
  await work.images.update(id, { deletedAt: work.now() });
}

export async function imageLog(
  { work }: ReadContext,
  id: ImageId,
): Promise<{ steps: (BuildStep & { name: string })[]; report: string | null }> {
  const { report } = await work.images.get(id);
  return { steps: await work.images.steps(id), report };
}
