// The assignment of images to machines, and its undo. A machine's disk follows its assignment at
// its next start; until then only rows of the store change.

import { AppError } from '../domain/error.ts';
import type { ImageId, MachineId } from '../domain/ids.ts';
import { assertAssignable } from '../domain/image.ts';
import {
  assertMayGetImage,
  assertOff,
  isStarting,
  type Machine,
  planAssign,
} from '../domain/machine.ts';
import { portionsOf } from '../lib/portions.ts';
import type { ChangeContext } from './context.ts';

/** So many machines are changed between two turns of the event loop. */
const portionMax = 250;

/**
 * Assigns the image to all of the machines, or to none when one of them may not get it. Machines
 * that are on are stopped. Throws `not_found`, `machines_not_found`, `image_not_available`,
 * `machine_not_assignable` and `image_too_large`.
 */
export async function imageAssign(
  { work, organisationId, touched, enqueue }: ChangeContext,
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
  await enqueue(
    idsThat('stop').map((machineId) => ({ kind: 'machineStop', organisationId, machineId })),
  );
}

/**
 * Takes an assignment back. A machine without a disk from the image returns to its former
 * assignment. A machine with such a disk must be off, and gets back the disk that was replaced.
 * Changes all of the machines or none; without ids, every machine to which the image is assigned.
 * Throws `not_found`, `machines_not_found`, `machine_not_ready` and `conflict`.
 */
export async function imageAssignUndo(
  context: ChangeContext,
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
  for await (const portion of portionsOf(machines, portionMax)) {
    for (const machine of portion) {
      if (machine.assignedImageId !== image.id)
        throw new AppError(
          'conflict',
          `Image ${image.id} is not assigned to machine ${machine.id}; leave it out.`,
        );
      if (machine.capturingImageId !== null || isStarting(machine)) assertOff(machine);
    }
    await bringFormerDisksBack(context, portion, imageId);
    await work.machines.unassign(portion.map((machine) => machine.id));
  }
  return machines;
}

/** Does nothing to machines whose disk is not from the image. */
async function bringFormerDisksBack(
  { work, keepDiskMs }: ChangeContext,
  machines: readonly Machine[],
  imageId: ImageId,
): Promise<void> {
  const started = machines.filter(({ assignmentPendingAt }) => assignmentPendingAt === null);
  const current = await work.disks.findMany(started.flatMap(({ diskId }) => diskId ?? []));
  const replaced = new Map(
    current.flatMap((disk) => (disk.imageId === imageId ? [[disk.id, disk.replacesId]] : [])),
  );
  const former = [...replaced.values()].filter((id) => id !== null);
  const kept = new Set(
    (await work.disks.findMany(former)).flatMap(({ id, state }) => (state === 'kept' ? [id] : [])),
  );
  const changed = started.filter(({ diskId }) => diskId !== null && replaced.has(diskId));
  for (const machine of changed) {
    assertOff(machine);
    const before = machine.diskId === null ? null : replaced.get(machine.diskId);
    if (before && !kept.has(before))
      throw new AppError(
        'conflict',
        `The disk that machine ${machine.id} had before is not kept any more.`,
      );
  }
  await work.machines.takeFormerDisks(changed.map((machine) => machine.id));
  await work.disks.keepMany([...replaced.keys()], keepDiskMs);
  await work.disks.putBack(former);
}
