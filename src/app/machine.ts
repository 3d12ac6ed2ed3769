// What a request may do with machines: look, write an intention, and return.

import { AppError } from '../domain/error.ts';
import type { BaseImageId, MachineId, MachineTypeId, SoftwareId } from '../domain/ids.ts';
import type { Image } from '../domain/image.ts';
import type { Job } from '../domain/job.ts';
import {
  assertHolds,
  assertOff,
  assertResettable,
  type Machine,
  type MachineStatus,
  machinePermissionDefaults,
  planStart,
  planStop,
} from '../domain/machine.ts';
import type { OrganisationReader, ReadContext, RequestContext } from './context.ts';
import { type ImageView, imageInstall } from './image.ts';
import { assertQuota } from './usage.ts';

export interface MachineView {
  machine: Machine;
  assignedImageName: string | null;
  job: Job | undefined;
}

export async function viewMachines(
  { work }: ReadContext,
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
  }));
}

export interface MachineFilter {
  page: number;
  perPage: number;
  q?: string | undefined;
  status?: MachineStatus | undefined;
  /** Whether it has a user. */
  assigned?: boolean | undefined;
  hasSessionData?: boolean | undefined;
  /** The least number of minutes that it has left. */
  timeLeftMin?: number | undefined;
}

export async function machineList(
  context: ReadContext,
  { assigned, timeLeftMin = 0, ...filter }: MachineFilter,
) {
  // No machine has a user, and none has minutes left, since nothing is metered.
  if (assigned === true || timeLeftMin > 0) return { machines: [], count: 0 };
  const { machines, count } = await context.work.machines.list(filter);
  return { machines: await viewMachines(context, machines), count };
}

export async function machineGet(context: ReadContext, id: MachineId): Promise<MachineView> {
  const machine = await context.work.machines.get(id);
  const [view] = await viewMachines(context, [machine]);
  return view ?? { machine, assignedImageName: null, job: undefined };
}

export interface CreateInput {
  machineTypeId: MachineTypeId;
  quantity?: number | undefined;
  softwareIds?: readonly SoftwareId[] | undefined;
  baseImageId?: BaseImageId | undefined;
  region?: string | undefined;
  permissions?: Record<string, boolean | undefined> | undefined;
}

const definedOf = (given: Record<string, boolean | undefined>): Record<string, boolean> =>
  Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, boolean] => entry[1] !== undefined),
  );

/**
 * With software or a base, an image is made first and assigned to the machines; they can be started
 * when it is available.
 */
export async function machineCreate(
  context: RequestContext,
  input: CreateInput,
): Promise<{ machines: MachineView[]; image: ImageView | undefined }> {
  const { work, organisationId } = context;
  const type = await work.machineTypes.get(input.machineTypeId);
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
        permissions: { ...machinePermissionDefaults, ...definedOf(input.permissions ?? {}) },
        assignedImageId: image?.image.id ?? null,
      }),
    );
  }
  context.touched({ machineIds: machines.map((machine) => machine.id) });
  return { machines: await viewMachines(context, machines), image };
}

/**
 * Nothing happens when it is on or on its way there; otherwise it gets the type and region that are
 * asked for first.
 */
export async function machineStart(
  { work, organisationId, touched }: RequestContext,
  id: MachineId,
  { typeId, region }: { typeId?: MachineTypeId | undefined; region?: string | undefined } = {},
): Promise<void> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  const type = typeId === undefined ? undefined : await work.machineTypes.get(typeId);
  const image: Image | null =
    machine.assignedImageId === null
      ? null
      : ((await work.images.find(machine.assignedImageId)) ?? null);
  const next = planStart(machine, image);
  if (next === null) return;
  if (next !== 'turning_on') await assertNextFits(work, machine, image);
  await work.machines.update(id, {
    status: next,
    statusReason: null,
    stopRequestedAt: null,
    ...(machine.lostPendingAt !== null && { assignedImageId: null, assignmentPendingAt: null }),
    ...(type && { machineType: type.code, cpus: type.cpus, memoryMb: type.memoryMb }),
    ...(region !== undefined && { region }),
  });
  await work.jobs.enqueue([{ kind: 'machineStart', organisationId, machineId: id }]);
}

/**
 * Returns the end of the console of the machine's last failed start, or null when no start has
 * failed.
 */
export async function machineConsole({ work }: ReadContext, id: MachineId) {
  const { id: own } = await work.machines.get(id);
  return (await work.machines.console(own)) ?? null;
}

export async function machineStop(
  context: RequestContext,
  id: MachineId,
  gracefully: boolean,
): Promise<void> {
  const { work, organisationId, touched } = context;
  const next = planStop(await work.machines.get(id), gracefully);
  touched({ machineIds: [id] });
  if (next === null) return;
  await work.machines.update(id, { status: next });
  await work.jobs.enqueue([
    { kind: 'machineStop', organisationId, machineId: id, data: { gracefully } },
  ]);
}

/** Throws image-too-large unless the machine's disk holds what its next disk is made from. */
async function assertNextFits(
  { bases }: OrganisationReader,
  machine: Machine,
  image: Image | null,
): Promise<void> {
  if (image === null) await bases.fitting(machine.diskSizeGb);
  else assertHolds(machine, image);
}

/**
 * The disk is set aside and kept for a while; the next start begins from the assigned image, else
 * from the default base.
 */
export async function machineReset(
  { work, keepDiskMs, touched }: RequestContext,
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
    assignedImageId: machine.assignedImageId,
    assignmentPendingAt: machine.assignedImageId === null ? null : work.now(),
  });
  await work.disks.keep(machine.diskId, keepDiskMs);
}

/**
 * Gives the machine the processors and memory of another type; its disk stays as it is. It must be
 * off.
 */
export async function machineTypeSet(
  { work, touched }: RequestContext,
  id: MachineId,
  typeId: MachineTypeId,
): Promise<void> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  const { code: machineType, cpus, memoryMb } = await work.machineTypes.get(typeId);
  assertOff(machine);
  await work.machines.update(id, { machineType, cpus, memoryMb });
}

export async function machinePermissionsSet(
  { work, touched }: RequestContext,
  id: MachineId,
  given: Record<string, boolean | undefined> | undefined,
): Promise<void> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  if (given === undefined)
    throw new AppError(
      'permissions_missing',
      'The body lacks the field permissions; send {"permissions": {name: true or false}}.',
    );
  await work.machines.setPermissions(id, { ...machine.permissions, ...definedOf(given) });
}
