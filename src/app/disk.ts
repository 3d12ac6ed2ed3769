// The disks of a machine: its current disk, and replaced disks that are kept for a while. Putting a
// kept disk back copies no bytes, because nothing has written to it since. The disk that it
// replaces is kept in turn, so that an undo can be undone.

import type { Disk } from '../domain/disk.ts';
import { AppError } from '../domain/error.ts';
import type { DiskId, MachineId } from '../domain/ids.ts';
import { assertOff, type Machine } from '../domain/machine.ts';
import type { ChangeContext, ReadContext } from './context.ts';
import { type MachineView, machineGet } from './machine.ts';

/** Throws `not_found`. */
export async function machineDiskList({ work }: ReadContext, id: MachineId): Promise<Disk[]> {
  return work.disks.ofMachine((await work.machines.get(id)).id);
}

/**
 * Puts a kept disk back into its machine, which must be off: the disk that is named, else the one
 * that was replaced last. Throws `not_found` and `machine_not_ready`.
 */
export async function machineRestore(
  context: ChangeContext,
  id: MachineId,
  diskId?: DiskId,
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
  await exchangeDisk(context, machine, disk.id);
  await work.machines.update(id, { assignedImageId: disk.imageId, assignmentPendingAt: null });
  return machineGet(context, id);
}

/** Keeps the machine's disk for a while, and gives the machine another one. */
async function exchangeDisk(
  { work, keepDiskMs }: ChangeContext,
  machine: Machine,
  next: DiskId,
): Promise<void> {
  if (machine.diskId !== null) await work.disks.keep(machine.diskId, keepDiskMs);
  await work.disks.putBack([next]);
  await work.machines.update(machine.id, { diskId: next, statusReason: null });
}
