// Machines: a request reads them, or writes an intention that the reconciler carries out later.

import { AppError } from '../domain/error.ts';
import type { BaseImageId, MachineId, MachineTypeId, SoftwareId } from '../domain/ids.ts';
import type { Image } from '../domain/image.ts';
import type { Job } from '../domain/job.ts';
import {
  assertHolds,
  assertResettable,
  type Machine,
  machinePermissionDefaults,
  planStart,
  planStop,
} from '../domain/machine.ts';
import { type MachinePolicy, policyOf } from '../domain/machine-life.ts';
import type { MachineFilter } from '../store/port/machine.ts';
import type { ChangeContext, OrganisationReader, ReadContext } from './context.ts';
import { assertStartFits } from './host.ts';
import { type ImageView, imageInstall } from './image.ts';
import { definedPermissions, type GivenPermissions } from './machine-permission.ts';
import { offeredType, sizeOf } from './machine-type.ts';
import { assertQuota } from './organisation.ts';

export interface MachineView {
  machine: Machine;
  assignedImageName: string | null;
  job: Job | undefined;
  /** Its own, or that of the installation. */
  policy: MachinePolicy;
}

async function viewMachines(
  { work, machinePolicy }: ReadContext,
  machines: readonly Machine[],
): Promise<MachineView[]> {
  const names = new Map<number, string>();
  for (const id of new Set(machines.map((machine) => machine.assignedImageId))) {
    const image = id === null ? undefined : await work.images.find(id);
    if (image) names.set(image.id, image.name);
  }
  const busy = machines
    .filter((machine) => machine.status !== 'off' && machine.status !== 'ready')
    .map((machine) => machine.id);
  const jobs = await work.jobs.ofMachines(busy);
  return machines.map((machine) => ({
    machine,
    assignedImageName:
      machine.assignedImageId === null ? null : (names.get(machine.assignedImageId) ?? null),
    job: jobs.find((job) => job.machineId === machine.id),
    policy: policyOf(machine, machinePolicy),
  }));
}

interface MachineQuery extends MachineFilter {
  /** Whether the machine has a user. */
  assigned?: boolean | undefined;
  /** The least number of minutes that the machine has left. */
  timeLeftMin?: number | undefined;
}

export async function machineList(
  context: ReadContext,
  { assigned, timeLeftMin = 0, ...filter }: MachineQuery,
) {
  // No machine has a user, and none has minutes left, because nothing is metered.
  if (assigned === true || timeLeftMin > 0) return { machines: [], count: 0, more: false };
  const { machines, ...rest } = await context.work.machines.list(filter);
  return { machines: await viewMachines(context, machines), ...rest };
}

export async function machineGet(context: ReadContext, id: MachineId): Promise<MachineView> {
  const machine = await context.work.machines.get(id);
  const [view] = await viewMachines(context, [machine]);
  const policy = policyOf(machine, context.machinePolicy);
  return view ?? { machine, assignedImageName: null, job: undefined, policy };
}

interface CreateInput {
  machineTypeId: MachineTypeId;
  quantity?: number | undefined;
  softwareIds?: readonly SoftwareId[] | undefined;
  baseImageId?: BaseImageId | undefined;
  region?: string | undefined;
  permissions?: GivenPermissions | undefined;
}

/**
 * Makes machines of one type. With software or a base, asks for an image first and assigns it to
 * them; they can be started when it is available.
 */
export async function machineCreate(
  context: ChangeContext,
  input: CreateInput,
): Promise<{ machines: MachineView[]; image: ImageView | undefined }> {
  const { work, organisationId } = context;
  const type = await offeredType(work, input.machineTypeId);
  await assertQuota(context, { machines: input.quantity ?? 1 });
  const wanted = (input.softwareIds?.length ?? 0) > 0 || input.baseImageId !== undefined;
  const image = wanted ? await imageInstall(context, input) : undefined;
  if (image && image.image.sizeGb > type.diskSizeGb) {
    throw new AppError(
      'image_too_large',
      `The image would have ${image.image.sizeGb} GB and the disks of machine type ${type.id} have ${type.diskSizeGb} GB; choose less software or a larger machine type.`,
    );
  }
  const machines: Machine[] = [];
  for (let index = 0; index < (input.quantity ?? 1); index++) {
    machines.push(
      await work.machines.add({
        organisationId,
        machineTypeId: type.id,
        region: input.region ?? null,
        machineType: type.code,
        cpus: type.cpus,
        memoryMb: type.memoryMb,
        diskSizeGb: type.diskSizeGb,
        network: type.network,
        permissions: {
          ...machinePermissionDefaults,
          ...definedPermissions(input.permissions ?? {}),
        },
        assignedImageId: image?.image.id ?? null,
      }),
    );
  }
  context.touched({ machineIds: machines.map((machine) => machine.id) });
  return { machines: await viewMachines(context, machines), image };
}

/**
 * Asks for a start, after giving the machine the type and region that are named. Changes nothing
 * when the machine is on or starting. Throws `no_capacity` when the host has no room for it.
 */
export async function machineStart(
  context: ChangeContext,
  id: MachineId,
  { typeId, region }: { typeId?: MachineTypeId | undefined; region?: string | undefined } = {},
): Promise<void> {
  const { work, organisationId, touched, enqueue } = context;
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  const type = typeId === undefined ? undefined : await offeredType(work, typeId);
  const image: Image | null =
    machine.assignedImageId === null
      ? null
      : ((await work.images.find(machine.assignedImageId)) ?? null);
  const next = planStart(machine, image);
  if (next === null) return;
  const fresh = next !== 'turning_on';
  if (fresh) await assertNextFits(work, machine, image);
  if (fresh) await assertQuota(context, { storedGb: 0 });
  await assertStartFits(context, type ?? machine, { what: `Machine ${id}`, fresh });
  await work.machines.update(id, {
    status: next,
    statusReason: null,
    stopRequestedAt: null,
    // A start that a caller asks for forgets the crashes before it.
    ...{ restartAt: null, crashCount: 0 },
    ...(machine.lostPendingAt !== null && { assignedImageId: null, assignmentPendingAt: null }),
    ...(type && sizeOf(type)),
    ...(region !== undefined && { region }),
  });
  await enqueue([{ kind: 'machineStart', organisationId, machineId: id }]);
}

/** Asks for a stop. Changes nothing when the machine is off or stopping. */
export async function machineStop(
  context: ChangeContext,
  id: MachineId,
  gracefully: boolean,
): Promise<void> {
  const { work, organisationId, touched } = context;
  const machine = await work.machines.get(id);
  const next = planStop(machine, gracefully);
  touched({ machineIds: [id] });
  if (machine.restartAt !== null) await work.machines.update(id, { restartAt: null });
  if (next === null) return;
  await work.machines.update(id, { status: next });
  await context.enqueue([
    { kind: 'machineStop', organisationId, machineId: id, data: { gracefully } },
  ]);
}

/**
 * Throws `image_too_large` when the image or base of the next disk is larger than the machine's.
 */
async function assertNextFits(
  { bases }: OrganisationReader,
  machine: Machine,
  image: Image | null,
): Promise<void> {
  if (image === null) await bases.fitting(machine.diskSizeGb);
  else assertHolds(machine, image);
}

/**
 * Takes the machine's disk away and keeps it for a while. The next start makes a disk of the
 * assigned image, else of the default base.
 */
export async function machineReset(
  { work, keepDiskMs, touched }: ChangeContext,
  id: MachineId,
): Promise<void> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  assertResettable(machine);
  if (machine.diskId === null) return;
  const assigned =
    machine.assignedImageId === null ? undefined : await work.images.find(machine.assignedImageId);
  await assertNextFits(work, machine, assigned ?? null);
  await work.machines.update(id, {
    diskId: null,
    restartAt: null,
    assignedImageId: machine.assignedImageId,
    assignmentPendingAt: machine.assignedImageId === null ? null : work.now(),
  });
  await work.disks.keep(machine.diskId, keepDiskMs);
}
