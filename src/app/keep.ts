// Undo: disks that were set aside come back as they were, assignments are taken back, deleted
// images return. Nothing is copied: a kept disk was never touched. What takes its place is kept in
// turn, so that an undo can be undone.

import type { Disk } from '../domain/disk.ts';
import { AppError } from '../domain/error.ts';
import type { DiskId, ImageId, MachineId } from '../domain/ids.ts';
import { assertOff, isStarting, type Machine } from '../domain/machine.ts';
import type { ReadContext, RequestContext } from './context.ts';
import { type ImageView, imageGet } from './image.ts';
import { type MachineView, machineGet } from './machine.ts';
import { assertQuota } from './usage.ts';

export async function machineDiskList({ work }: ReadContext, id: MachineId): Promise<Disk[]> {
  return work.disks.ofMachine((await work.machines.get(id)).id);
}

/**
 * Puts a kept disk (the one set aside last, unless another is named) back into its machine, which
 * must be off.
 */
export async function machineRestore(
  context: RequestContext,
  id: MachineId,
  diskId?: string,
): Promise<MachineView> {
  const { work, touched } = context;
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  const kept = (await work.disks.ofMachine(id)).filter((disk) => disk.state === 'kept');
  const last = kept.reduce<Disk | undefined>(
    (a, b) => ((a?.keptUntil ?? 0) >= (b.keptUntil ?? 0) ? a : b),
    undefined,
  );
  const disk = diskId === undefined ? last : kept.find((one) => one.id === diskId);
  if (!disk) {
    throw new AppError(
      'not_found',
      `Machine ${id} has no kept disk${diskId === undefined ? '' : ` ${diskId}`}; GET /machines/${id}/disks lists what it has.`,
    );
  }
  assertOff(machine);
  await exchange(context, machine, disk.id);
  await work.machines.update(id, { assignedImageId: disk.imageId, assignmentPendingAt: null });
  return machineGet(context, id);
}

/**
 * Takes an assignment back: machines that have not followed it yet follow what was assigned before,
 * and those that have get the disk that it replaced. All or nothing; a machine that has its disk
 * from the image must be off.
 */
export async function imageAssignUndo(
  context: RequestContext,
  imageId: ImageId,
  ids?: readonly MachineId[],
): Promise<Machine[]> {
  const { work, touched } = context;
  const image = await work.images.get(imageId);
  const machines =
    ids === undefined
      ? await work.machines.ofImage(image.id)
      : await work.machines.getMany([...new Set(ids)]);
  touched({ imageId, machineIds: machines.map((machine) => machine.id) });
  for (const machine of machines) {
    if (machine.assignedImageId !== image.id)
      throw new AppError(
        'conflict',
        `Image ${image.id} is not assigned to machine ${machine.id}; leave it out.`,
      );
    if (machine.capturingImageId !== null || isStarting(machine)) assertOff(machine);
    const disk = machine.diskId === null ? undefined : await work.disks.find(machine.diskId);
    if (machine.assignmentPendingAt === null && disk?.imageId === image.id) {
      assertOff(machine);
      if (disk.replacesId !== null && (await work.disks.find(disk.replacesId))?.state !== 'kept')
        throw new AppError(
          'conflict',
          `The disk that machine ${machine.id} had before is not kept any more.`,
        );
      await exchange(context, machine, disk.replacesId);
    }
    await work.machines.update(machine.id, {
      assignedImageId: machine.priorImageId,
      assignmentPendingAt: machine.priorPendingAt,
      priorImageId: null,
      priorPendingAt: null,
    });
  }
  return machines;
}

/** The machine's disk is kept, and another, or none, takes its place. */
async function exchange(
  { work, keepDiskMs }: RequestContext,
  machine: Machine,
  next: DiskId | null,
): Promise<void> {
  if (machine.diskId !== null) await work.disks.keep(machine.diskId, keepDiskMs);
  if (next !== null) await work.disks.update(next, { state: 'active', keptUntil: null });
  await work.machines.update(machine.id, { diskId: next, statusReason: null });
}

/**
 * Brings a deleted image back while its bytes are still kept, and with it the machines to which it
 * was assigned. Not those that have got something else since, and not those that waited for it and
 * have been started without it.
 */
export async function imageRestore(
  context: RequestContext,
  id: ImageId,
): Promise<{ view: ImageView; machines: Machine[] }> {
  const { work, touched } = context;
  const image = await work.images.getDeleted(id);
  touched({ imageId: id });
  await assertQuota(context, { images: 1 });
  await work.images.update(image.id, { deletedAt: null });
  return { view: await imageGet(context, id), machines: await work.machines.ofImage(id) };
}

export async function imageProtect(
  context: RequestContext,
  id: ImageId,
  wanted: boolean,
): Promise<ImageView> {
  const { work, touched } = context;
  const image = await work.images.get(id);
  touched({ imageId: id });
  await work.images.update(id, { protectedAt: wanted ? (image.protectedAt ?? work.now()) : null });
  return imageGet(context, id);
}
