// What a request may do with machines: look, write an intention, and return.

import { AppError } from '../domain/error.ts';
import type { BaseImageId, MachineId, PlanId, SoftwareId } from '../domain/ids.ts';
import type { Image } from '../domain/image.ts';
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
import type { Operation } from '../domain/operation.ts';
import type { Ask, Tenant } from './deps.ts';
import { type ImageView, imageInstall } from './image.ts';
import { assertQuota } from './usage.ts';

export interface MachineView {
  machine: Machine;
  assignedImageName: string | null;
  operation: Operation | undefined;
}

export async function viewMachines({ work }: Ask, machines: readonly Machine[]): Promise<MachineView[]> {
  const names = new Map<number, string>();
  for (const id of new Set(machines.map((machine) => machine.assignedImageId))) {
    const image = id === null ? undefined : await work.images.find(id);
    if (image) names.set(image.id, image.name);
  }
  const busy = machines
    .filter((machine) => machine.status !== 'off' && machine.status !== 'ready')
    .map((machine) => machine.id);
  const operations = await work.operations.ofMachines(busy);
  return machines.map((machine) => ({
    machine,
    assignedImageName: machine.assignedImageId === null ? null : (names.get(machine.assignedImageId) ?? null),
    operation: operations.find((operation) => operation.machineId === machine.id),
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

export async function machineList(ask: Ask, { assigned, timeLeftMin = 0, ...filter }: MachineFilter) {
  // No machine has a user, and none has minutes left, since nothing is metered.
  if (assigned === true || timeLeftMin > 0) return { machines: [], count: 0 };
  const { machines, count } = await ask.work.machines.list(filter);
  return { machines: await viewMachines(ask, machines), count };
}

export async function machineGet(ask: Ask, id: MachineId): Promise<MachineView> {
  const machine = await ask.work.machines.get(id);
  const [view] = await viewMachines(ask, [machine]);
  return view ?? { machine, assignedImageName: null, operation: undefined };
}

export interface CreateInput {
  planId: PlanId;
  quantity?: number | undefined;
  softwareIds?: readonly SoftwareId[] | undefined;
  baseImageId?: BaseImageId | undefined;
  region?: string | undefined;
  permissions?: Record<string, boolean | undefined> | undefined;
}

const definedOf = (given: Record<string, boolean | undefined>): Record<string, boolean> =>
  Object.fromEntries(Object.entries(given).filter((entry): entry is [string, boolean] => entry[1] !== undefined));

/** With software or a base, an image is made first and assigned to the machines; they can be started when it is available. */
export async function machineCreate(
  ask: Ask,
  input: CreateInput,
): Promise<{ machines: MachineView[]; image: ImageView | undefined }> {
  const { work, organisationId } = ask;
  const plan = await work.plans.get(input.planId);
  await assertQuota(ask, { machines: input.quantity ?? 1 });
  const wanted = (input.softwareIds?.length ?? 0) > 0 || input.baseImageId !== undefined;
  const image = wanted ? await imageInstall(ask, input) : undefined;
  if (image && image.image.sizeGb > plan.diskSizeGb) {
    throw new AppError(
      'image_too_large',
      `The image would have ${image.image.sizeGb} GB and the disks of plan ${plan.id} have ${plan.diskSizeGb} GB; choose less software or a larger plan.`,
    );
  }
  const machines: Machine[] = [];
  for (let index = 0; index < (input.quantity ?? 1); index++) {
    machines.push(
      await work.machines.add({
        organisationId,
        planId: plan.id,
        region: input.region ?? null,
        machineType: plan.machineType,
        cpus: plan.cpus,
        memoryMb: plan.memoryMb,
        diskSizeGb: plan.diskSizeGb,
        permissions: { ...machinePermissionDefaults, ...definedOf(input.permissions ?? {}) },
        assignedImageId: image?.image.id ?? null,
      }),
    );
  }
  ask.touched({ machineIds: machines.map((machine) => machine.id) });
  return { machines: await viewMachines(ask, machines), image };
}

/** Nothing happens when it is on or on its way there; otherwise it gets the type and region that are asked for first. */
export async function machineStart(
  { work, organisationId, touched }: Ask,
  id: MachineId,
  { typeId, region }: { typeId?: PlanId | undefined; region?: string | undefined } = {},
): Promise<void> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  const plan = typeId === undefined ? undefined : await work.plans.get(typeId);
  const image: Image | null =
    machine.assignedImageId === null ? null : ((await work.images.find(machine.assignedImageId)) ?? null);
  const next = planStart(machine, image);
  if (next === null) return;
  if (next !== 'turning_on') await assertNextFits(work, machine, image);
  await work.machines.update(id, {
    status: next,
    statusReason: null,
    stopRequestedAt: null,
    ...(machine.lostPendingAt !== null && { assignedImageId: null, assignmentPendingAt: null }),
    ...(plan && { machineType: plan.machineType, cpus: plan.cpus, memoryMb: plan.memoryMb }),
    ...(region !== undefined && { region }),
  });
  await work.operations.enqueue([{ kind: 'machineStart', organisationId, machineId: id }]);
}

/** Returns the end of the console of the machine's last failed start, or null when no start has failed. */
export async function machineConsole({ work }: Ask, id: MachineId) {
  const { id: own } = await work.machines.get(id);
  return (await work.machines.console(own)) ?? null;
}

export async function machineStop(ask: Ask, id: MachineId, gracefully: boolean): Promise<void> {
  const { work, organisationId, touched } = ask;
  const next = planStop(await work.machines.get(id), gracefully);
  touched({ machineIds: [id] });
  if (next === null) return;
  await work.machines.update(id, { status: next });
  await work.operations.enqueue([{ kind: 'machineStop', organisationId, machineId: id, data: { gracefully } }]);
}

/** Throws image-too-large unless the machine's disk holds what its next disk is made from. */
async function assertNextFits({ bases }: Tenant, machine: Machine, image: Image | null): Promise<void> {
  if (image === null) await bases.fitting(machine.diskSizeGb);
  else assertHolds(machine, image);
}

/** The disk is set aside and kept for a while; the next start begins from the assigned image, else from the default base. */
export async function machineReset({ work, keepDiskMs, touched }: Ask, id: MachineId): Promise<void> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  assertResettable(machine);
  if (machine.diskId === null) return;
  const assigned = machine.assignedImageId === null ? undefined : await work.images.find(machine.assignedImageId);
  await assertNextFits(work, machine, assigned ?? null);
  await work.machines.update(id, {
    diskId: null,
    assignedImageId: machine.assignedImageId,
    assignmentPendingAt: machine.assignedImageId === null ? null : work.now(),
  });
  await work.disks.keep(machine.diskId, keepDiskMs);
}

/** Gives the machine the processors and memory of another type; its disk stays as it is. It must be off. */
export async function machineTypeSet({ work, touched }: Ask, id: MachineId, typeId: PlanId): Promise<void> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  const { machineType, cpus, memoryMb } = await work.plans.get(typeId);
  assertOff(machine);
  await work.machines.update(id, { machineType, cpus, memoryMb });
}

export async function machinePermissionsSet(
  { work, touched }: Ask,
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
