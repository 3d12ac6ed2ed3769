// The deletion of a machine, and its return. A deleted machine is gone from all lists at once. Its
// disk is kept like one that was replaced, and its row keeps the rest, so that it comes back as it
// was.

import type { MachineId } from '../domain/ids.ts';
import { assertDeletable } from '../domain/machine.ts';
import type { ChangeContext } from './context.ts';
import { type MachineView, machineGet } from './machine.ts';
import { assertQuota } from './organisation.ts';

/**
 * Deletes a machine that is off. Its links open nothing any more, and a job makes sure that the
 * engine has nothing left of it but its disk. Throws `not_found` and `machine_not_stopped`.
 */
export async function machineDelete(
  { work, organisationId, keepDiskMs, touched, enqueue }: ChangeContext,
  id: MachineId,
): Promise<void> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  assertDeletable(machine);
  if (machine.diskId !== null) await work.disks.keep(machine.diskId, keepDiskMs);
  await work.access.removeOf(id);
  await work.forwards.removeOf(id);
  await work.machines.update(id, {
    status: 'turning_off',
    diskId: null,
    place: null,
    pausedAt: null,
    awayAt: null,
    restartAt: null,
    deletedAt: work.now(),
    deletedUntil: work.now() + keepDiskMs,
    deletedDiskId: machine.diskId,
  });
  await enqueue([
    { kind: 'machineStop', organisationId, machineId: id, data: { gracefully: false } },
  ]);
}

/**
 * Brings a deleted machine back with its disk, assignment, permissions and name, while its disk is
 * kept. Throws `not_found`, and `invalid` when the organisation has its quota of machines.
 */
export async function machineUndelete(context: ChangeContext, id: MachineId): Promise<MachineView> {
  const { work, touched } = context;
  const { deletedDiskId: diskId } = await work.machines.getDeleted(id);
  touched({ machineIds: [id] });
  await assertQuota(context, { machines: 1 });
  if (diskId !== null) await work.disks.update(diskId, { state: 'active', keptUntil: null });
  await work.machines.update(id, {
    diskId,
    deletedAt: null,
    deletedUntil: null,
    deletedDiskId: null,
  });
  return machineGet(context, id);
}
