// Images: a request reads them, or writes an intention that the reconciler carries out later.

import type { BaseImage } from '../domain/base.ts';
import { AppError } from '../domain/error.ts';
import type { BaseImageId, ImageId, MachineId, SoftwareId } from '../domain/ids.ts';
import {
  assertDeletable,
  type BuildStep,
  builtImageSizeGb,
  type Image,
  parseImageName,
} from '../domain/image.ts';
import type { Job } from '../domain/job.ts';
import { chainHeightMax, generalizeBytes, type Layer } from '../domain/layer.ts';
import { assertCapturable, type Machine } from '../domain/machine.ts';
import { canonicalOrder, layerKey, pickSoftware, type Software } from '../domain/software.ts';
import { gbBytes } from '../domain/units.ts';
import type { ChangeContext, ReadContext } from './context.ts';
import { assertHostRoom, buildGuestOn } from './host.ts';
import { assertQuota } from './organisation.ts';

/** An image, with the software and the open job that an answer shows beside it. */
export interface ImageView {
  image: Image;
  softwares: Pick<Software, 'id' | 'name' | 'sizeGb'>[];
  job: Job | undefined;
}

async function viewImages({ work }: ReadContext, images: readonly Image[]): Promise<ImageView[]> {
  const built = images
    .filter((image) => image.source === 'pre_installation')
    .map((image) => image.id);
  const unsettled = images
    .filter((image) => image.status === 'pending' || image.status === 'building')
    .map((image) => image.id);
  const softwares = built.length > 0 ? await work.images.softwareOf(built) : [];
  const jobs = unsettled.length > 0 ? await work.jobs.ofImages(unsettled) : [];
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

/**
 * Asks for an image of a machine that is off; the machine cannot start until it is made. Without a
 * `generalize` the organisation's setting counts.
 */
export async function imageCapture(
  context: ChangeContext,
  input: { machineId: MachineId; name?: string | undefined; generalize?: boolean | undefined },
): Promise<ImageView> {
  const { work, organisationId, touched } = context;
  const name = input.name === undefined ? null : parseImageName(input.name);
  const machine = await work.machines.get(input.machineId);
  assertCapturable(machine);
  await assertQuota(context, { images: 1, builds: 1, storedGb: 0 });
  const generalize = input.generalize ?? (await work.usage.generalizes());
  const chain = await assertLow(context, machine);
  const [head] = generalize ? chain : [];
  const build = head ? await buildGuestOn(context, head.id) : null;
  const reservedBytes = head ? generalizeBytes(machine.diskSizeGb * gbBytes) : 0;
  await assertHostRoom(context, reservedBytes, build);
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
  await context.enqueue([
    {
      kind: 'imageCapture',
      organisationId,
      imageId: image.id,
      machineId: machine.id,
      reservedBytes,
      ...build,
      data: { generalize },
    },
  ]);
  return viewImage(context, image);
}

/**
 * Returns the chain below the machine's disk. Throws `unavailable` when it has no room for the two
 * layers that a capture and its generalisation add.
 */
async function assertLow({ work }: ReadContext, { id, diskId }: Machine): Promise<Layer[]> {
  const disk = diskId === null ? undefined : await work.disks.find(diskId);
  const chain = disk ? await work.layers.chain(disk.layerId) : [];
  const height = chain.length;
  if (height + 2 <= chainHeightMax) return chain;
  throw new AppError(
    'unavailable',
    `The disk of machine ${id} stands on ${height} layers, and ${chainHeightMax - 2} is the most for a capture; they are being joined in the background, so try again in some minutes.`,
  );
}

interface InstallInput {
  name?: string | undefined;
  softwareIds?: readonly SoftwareId[] | undefined;
  baseImageId?: BaseImageId | undefined;
}

/**
 * Asks for an image of a base and software. The software is installed in one order, whatever the
 * order in the request, so that equal sets share their layers.
 */
export async function imageInstall(
  context: ChangeContext,
  input: InstallInput,
): Promise<ImageView> {
  const { work, organisationId } = context;
  const name = input.name === undefined ? null : parseImageName(input.name);
  const base = await work.bases.get(input.baseImageId);
  await assertQuota(context, { images: 1, builds: 1 });
  const ids = input.softwareIds ?? [];
  const list = canonicalOrder(pickSoftware(await work.software.list(ids), ids));
  const reservedBytes = await newBytes(context, base, list);
  const build = reservedBytes > 0 ? await buildGuestOn(context, base.layerId) : null;
  await assertHostRoom(context, reservedBytes, build);
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
  const job = { kind: 'imageInstall', organisationId, imageId: image.id } as const;
  await context.enqueue([{ ...job, reservedBytes, ...build }]);
  const [open] = await work.jobs.ofImages([image.id]);
  return { image, softwares: list, job: open };
}

/** How many bytes the steps may take that no earlier build has made. */
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
  return Math.ceil(bytes);
}

/**
 * Hides the image at once; the collector frees its bytes later. Machines that use it keep working.
 * Throws `not_found`, `conflict` for a protected image, and `image_building`.
 */
export async function imageDelete({ work, touched }: ChangeContext, id: ImageId): Promise<void> {
  const image = await work.images.get(id);
  assertDeletable(image);
  touched({ imageId: id });
  if (image.status === 'pending') {
    // A cancelled job does not run again, so its machine and its transfer are set right here.
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
  // Machines keep the assignment in their rows, where queries ignore it while the image is deleted.
  await work.images.update(id, { deletedAt: work.now() });
}

/**
 * Brings a deleted image back while its bytes are still kept, and with it its assignments; returns
 * the machines that have it again. A machine that was given another image since, or that waited for
 * this one and was started without it, is left as it is. Throws `not_found` and `invalid`.
 */
export async function imageRestore(
  context: ChangeContext,
  id: ImageId,
): Promise<{ view: ImageView; machines: Machine[] }> {
  const { work, touched } = context;
  const image = await work.images.getDeleted(id);
  touched({ imageId: id });
  await assertQuota(context, { images: 1 });
  await work.images.update(image.id, { deletedAt: null });
  return { view: await imageGet(context, id), machines: await work.machines.ofImage(id) };
}

/** Refuses the deletion of an image from now on, or allows it again. Throws `not_found`. */
export async function imageProtect(
  context: ChangeContext,
  id: ImageId,
  wanted: boolean,
): Promise<ImageView> {
  const { work, touched } = context;
  const image = await work.images.get(id);
  touched({ imageId: id });
  await work.images.update(id, { protectedAt: wanted ? (image.protectedAt ?? work.now()) : null });
  return imageGet(context, id);
}

export async function imageLog(
  { work }: ReadContext,
  id: ImageId,
): Promise<{ steps: (BuildStep & { name: string })[]; report: string | null }> {
  const { report } = await work.images.get(id);
  return { steps: await work.images.steps(id), report };
}
