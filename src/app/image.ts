// Images: a request reads them, or writes an intention that the reconciler carries out later.

import type { BaseImage } from '../domain/base.ts';
import { AppError } from '../domain/error.ts';
import type { BaseImageId, ImageId, MachineId, SoftwareId } from '../domain/ids.ts';
import {
  assertCancellable,
  assertDeletable,
  builtImageSizeGb,
  cancelledReason,
  type Image,
  isCancelled,
  parseImageName,
} from '../domain/image.ts';
import type { Job } from '../domain/job.ts';
import { chainHeightMax, generalizeBytes, type Layer } from '../domain/layer.ts';
import { assertCapturable, type Machine } from '../domain/machine.ts';
import { assertOffered } from '../domain/offer.ts';
import {
  canonicalOrder,
  isFresh,
  layerKey,
  pickSoftware,
  type Software,
} from '../domain/software.ts';
import { gbBytes } from '../domain/units.ts';
import type { ImageFilter } from '../store/port/image.ts';
import type { ChangeContext, ReadContext } from './context.ts';
import { assertHostRoom, buildGuestOn } from './host.ts';
import { assertQuota } from './organisation.ts';

/** An image, with the software and the open job that an answer shows beside it. */
export interface ImageView {
  image: Image;
  softwares: Pick<Software, 'id' | 'name' | 'sizeGb'>[];
  /** The base that it stands on; undefined when that is not known. */
  base: Pick<BaseImage, 'id' | 'name' | 'version'> | undefined;
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
  const ids = images.map(({ id }) => id);
  const bases = ids.length > 0 ? await work.bases.ofImages(ids) : [];
  return images.map((image) => ({
    image,
    softwares: softwares
      .filter((row) => row.imageId === image.id)
      .map((row) => ({ id: row.softwareId, name: row.name, sizeGb: row.sizeGb })),
    base: bases.find((base) => base.imageId === image.id),
    job: jobs.find((job) => job.imageId === image.id),
  }));
}

const viewImage = async (context: ReadContext, image: Image): Promise<ImageView> => {
  const [view] = await viewImages(context, [image]);
  return view ?? { image, softwares: [], base: undefined, job: undefined };
};

export async function imageList(context: ReadContext, filter: ImageFilter) {
  const { images, ...rest } = await context.work.images.list(filter);
  return { images: await viewImages(context, images), ...rest };
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
  /** Steps that reach the network are made anew. */
  refresh?: boolean | undefined;
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
  assertOffered('base image', base, 'GET /software');
  await assertQuota(context, { images: 1, builds: 1 });
  const ids = input.softwareIds ?? [];
  const list = canonicalOrder(pickSoftware(await work.software.list(ids), ids));
  for (const title of list) assertOffered('software', title, 'GET /software');
  const refresh = input.refresh === true;
  const unmade = await unmadeSteps(context, base, list, refresh);
  const reservedBytes = Math.ceil(unmade.reduce((sum, { sizeGb }) => sum + sizeGb * gbBytes, 0));
  const recipes = unmade.map(({ recipe }) => recipe);
  const build = unmade.length > 0 ? await buildGuestOn(context, base.layerId, recipes) : null;
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
  const kind = unmade.length === 0 ? 'imageReuse' : 'imageInstall';
  const data = refresh ? { refresh } : {};
  const made = { kind, organisationId, imageId: image.id, data } as const;
  await context.enqueue([{ ...made, reservedBytes, ...build }]);
  const [job] = await work.jobs.ofImages([image.id]);
  return { image, softwares: list, base, job };
}

/** Returns the software whose step no earlier build has made, or that is to be made anew. */
async function unmadeSteps(
  { work }: ChangeContext,
  base: BaseImage,
  list: readonly Software[],
  refresh: boolean,
): Promise<readonly Software[]> {
  let parent = await work.layers.get(base.layerId);
  let key = parent.key ?? base.layerId;
  const now = work.now();
  const refreshedSince = refresh ? now : null;
  for (const [index, { recipe, recipeDigest }] of list.entries()) {
    key = layerKey(key, recipeDigest);
    const layer = await work.layers.byKey(key);
    const isMade = layer?.state === 'sealed';
    if (!isMade || !isFresh(layer, { recipe, parent, refreshedSince, now }))
      return list.slice(index);
    parent = layer;
  }
  return [];
}

/**
 * Hides the image at once; the collector frees its bytes later. Machines that use it keep working.
 * Throws `not_found`, `conflict` for a protected image, and `image_building`.
 */
export async function imageDelete(context: ChangeContext, id: ImageId): Promise<void> {
  const { work, touched } = context;
  const image = await work.images.get(id);
  assertDeletable(image);
  touched({ imageId: id });
  if (image.status === 'pending')
    await cancelQueued(context, image, 'Its image was deleted before it was made.');
  // Machines keep the assignment in their rows, where queries ignore it while the image is deleted.
  await work.images.update(id, { deletedAt: work.now() });
}

/**
 * Cancels the queued job of a pending image. A cancelled job does not run again, so its machine and
 * its transfer are set right here. Throws `image_building`.
 */
async function cancelQueued({ work, touched }: ChangeContext, image: Image, reason: string) {
  const cancelled = await work.jobs.cancelOfImage(image.id);
  if (image.machineId !== null) {
    touched({ machineIds: [image.machineId] });
    await work.machines.update(image.machineId, { status: 'off', capturingImageId: null });
  }
  const transferId = cancelled?.transferId ?? undefined;
  if (transferId === undefined) return;
  touched({ transferId });
  await work.transfers.update(transferId, { status: 'failed', statusReason: reason });
}

/**
 * Ends the making of an image, which becomes `failed` with the reason `cancelled`: at once when it
 * has not begun, else as soon as what was made is undone. Changes nothing when it is cancelled.
 * Throws `not_found`, and `machine_not_ready` for an image that is made or has failed otherwise.
 */
export async function imageCancel(context: ChangeContext, id: ImageId): Promise<ImageView> {
  const { work, touched } = context;
  const image = await work.images.get(id);
  touched({ imageId: id });
  if (isCancelled(image)) return viewImage(context, image);
  assertCancellable(image);
  const [job] = await work.jobs.ofImages([id]);
  if (job && (job.state !== 'queued' || image.status !== 'pending')) {
    await work.jobs.requestCancel(job.id);
  } else {
    await cancelQueued(context, image, cancelledReason);
    await work.images.become(id, 'failed', { statusReason: cancelledReason });
  }
  return imageGet(context, id);
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
