// A machine: its statuses, the changes that each allows, and the checks in the order in which the
// contract answers them. The wire calls `status` `friendly_status`.

import { AppError } from './error.ts';
import type { DiskId, ImageId, MachineId, MachineTypeId, OrganisationId } from './ids.ts';
import type { Image } from './image.ts';
import { type MachineLife, rebootingReason, silentReason } from './machine-life.ts';
import type { MachineNetwork } from './machine-network.ts';
import type { RootSystem } from './root-system.ts';

export const machineStatuses = [
  'off',
  'creating',
  'turning_on',
  'ready',
  'turning_off',
  'resizing_disk',
  'installing',
  'region_migration',
  'warming_up',
  'graceful_stopping',
] as const;
export type MachineStatus = (typeof machineStatuses)[number];

export interface Machine extends MachineLife {
  id: MachineId;
  organisationId: OrganisationId;
  name: string;
  machineTypeId: MachineTypeId;
  region: string | null;
  machineType: string;
  cpus: number;
  memoryMb: number;
  diskSizeGb: number;
  fileStorageSizeGb: number;
  status: MachineStatus;
  /** Why the last start failed or the machine went off by itself; null otherwise. */
  statusReason: string | null;
  /** The disk the machine has; null before its first start and after a reset. */
  diskId: DiskId | null;
  /** The image that it starts from; null too while that image is deleted, until it is restored. */
  assignedImageId: ImageId | null;
  /** When an image was assigned that its disk does not follow yet; null when there is none. */
  assignmentPendingAt: number | null;
  /**
   * When the assignment of an image was made that has been deleted since; null when there is none.
   * A start ignores the assignment, and then drops it.
   */
  lostPendingAt: number | null;
  /** The assignment before the last one, to which an undo returns. */
  priorImageId: ImageId | null;
  priorPendingAt: number | null;
  /** The image that is being captured from it; null when none is. */
  capturingImageId: ImageId | null;
  /** Set when a starting machine must stop as soon as it can; null otherwise. */
  stopRequestedAt: number | null;
  /** Since when it is paused, because its host has no room; null when it is not. */
  pausedAt: number | null;
  /** The host on which its disk is, of an engine that has several; null when it is not known. */
  place: string | null;
  /** Since when that host has not answered while the machine is on; null when it does. */
  awayAt: number | null;
  lastSessionStartAt: number | null;
  /** The network of its type; null: that of the server. */
  network: MachineNetwork | null;
  /** By which it is reached while it is on, as it says; see the engine's part `network`. */
  addresses: readonly string[];
  /** From when its network wants care; null: when something changes. */
  networkDueAt: number | null;
  /** How it last started, and why not from memory; null before its first start. */
  startedFrom: 'memory' | 'disk' | null;
  startedBecause: string | null;
  /** How long that took, from the request until it was ready. */
  startedMs: number | null;
  /** Of its disk, as its guest said last; null when it has not said it. */
  rootSystem: RootSystem | null;
  permissions: Record<string, boolean>;
  createdAt: number;
  updatedAt: number;
  /** When it was deleted; null unless it is. */
  deletedAt: number | null;
  /** Until when a deleted machine can be brought back; null when it cannot be any more. */
  deletedUntil: number | null;
  /** The disk that a deleted machine had; null when it had none. */
  deletedDiskId: DiskId | null;
}

const starting: readonly MachineStatus[] = ['creating', 'turning_on', 'installing', 'warming_up'];
const stopping: readonly MachineStatus[] = ['turning_off', 'graceful_stopping'];

export const isStarting = (machine: Machine) =>
  machine.capturingImageId === null && starting.includes(machine.status);
const isStopping = (machine: Machine) => stopping.includes(machine.status);

const pausedReason =
  'The machine is paused, because the disk of its host is full. It goes on by itself when there is room; nothing of it is lost.';

/** Why a machine that is on cannot be used; null when it can. */
function hindranceOf({ pausedAt, awayAt, rebootingAt, place }: Machine): string | null {
  if (pausedAt !== null) return pausedReason;
  if (awayAt === null) return rebootingAt === null ? null : rebootingReason;
  return `The host ${place ?? 'on which it runs'} does not answer, so it is not known whether the machine is on. It is shown as it is when the host answers again.`;
}

/**
 * The status that callers see: a machine that is paused, away or rebooting is on, but cannot be
 * used.
 */
export function shownOf(machine: Machine): Pick<Machine, 'status' | 'statusReason'> {
  const { status, silentAt } = machine;
  const lacks = status === 'ready' ? (machine.rootSystem?.unused ?? null) : null;
  const statusReason = machine.statusReason ?? (silentAt === null ? lacks : silentReason(silentAt));
  const hindrance = hindranceOf(machine);
  return hindrance === null
    ? { status, statusReason }
    : { status: 'warming_up', statusReason: hindrance };
}

const notReady = (machine: Machine, why: string) =>
  new AppError('machine_not_ready', `Machine ${machine.id} is ${machine.status}; ${why}`);

/**
 * The status that a start gives a machine; null when it is on or starting already. `image` is the
 * assigned image. Throws machine-not-ready when it cannot be started now.
 */
export function planStart(machine: Machine, image: Image | null): MachineStatus | null {
  if (machine.capturingImageId !== null)
    throw notReady(machine, 'an image of it is being created; wait until it is off.');
  if (machine.status === 'ready' || (isStarting(machine) && machine.stopRequestedAt === null))
    return null;
  if (machine.status !== 'off') throw notReady(machine, 'wait until it is off, then start it.');
  if (machine.diskId !== null && machine.assignmentPendingAt === null) return 'turning_on';
  if (image !== null && image.status !== 'available') {
    const next =
      image.status === 'failed'
        ? 'assign another image to it.'
        : 'start it when the image is available.';
    throw notReady(machine, `its image ${image.id} is ${image.status}: ${next}`);
  }
  return machine.assignmentPendingAt === null ? 'creating' : 'installing';
}

/**
 * The status that a stop gives a machine; null when it is off or stopping already. Throws
 * machine-not-ready when it cannot be stopped now.
 */
export function planStop(machine: Machine, gracefully: boolean): MachineStatus | null {
  if (machine.capturingImageId !== null)
    throw notReady(machine, 'an image of it is being created; it is stopped already.');
  if (machine.status === 'off' || isStopping(machine)) return null;
  if (machine.status !== 'ready') throw notReady(machine, 'wait until it is ready, then stop it.');
  return gracefully ? 'graceful_stopping' : 'turning_off';
}

/** Throws machine-not-ready unless the machine is on and can be used. */
export function assertReady(machine: Machine): void {
  const hindrance = hindranceOf(machine);
  if (hindrance !== null)
    throw new AppError(
      'machine_not_ready',
      `Machine ${machine.id} cannot be used now. ${hindrance}`,
    );
  if (machine.status !== 'ready') throw notReady(machine, 'start it, and wait until it is ready.');
}

/** Throws machine-not-ready unless the machine is off. */
export function assertOff(machine: Machine): void {
  if (machine.status !== 'off') throw notReady(machine, 'wait until it is off, then try again.');
}

/** Throws machine-not-stopped unless the machine may be deleted. */
export function assertDeletable({ id, status }: Machine): void {
  if (status === 'off') return;
  throw new AppError(
    'machine_not_stopped',
    `Machine ${id} is ${status}; stop it, and wait until it is off, before you delete it.`,
  );
}

/** Throws unless the machine's disk may be discarded. */
export function assertResettable(machine: Machine): void {
  if (machine.capturingImageId !== null)
    throw notReady(machine, 'an image of it is being created; wait until it is off.');
  if (machine.status !== 'off') {
    throw new AppError(
      'invalid',
      `Machine ${machine.id} is ${machine.status}; stop it before you reset it.`,
    );
  }
}

/**
 * Throws unless the machine can be captured: it has a disk (4208), is stopped (4209), and no
 * capture is under way (4212).
 */
export function assertCapturable(machine: Machine): void {
  if (machine.diskId === null) {
    throw new AppError(
      'machine_has_no_image',
      `Machine ${machine.id} has no disk yet; start it once before you create an image of it.`,
    );
  }
  if (machine.capturingImageId !== null) {
    throw new AppError(
      'capture_pending',
      `Image ${machine.capturingImageId} of machine ${machine.id} is still being created; wait until it is available.`,
    );
  }
  if (machine.status !== 'off') {
    throw new AppError(
      'machine_not_stopped',
      `Machine ${machine.id} is ${machine.status}; stop it before you create an image of it.`,
    );
  }
}

/**
 * Throws unless every machine may get the image: none is being captured (4214), and each disk is
 * large enough (4510).
 */
export function assertMayGetImage(machines: readonly Machine[], image: Image): void {
  const captured = machines.find((machine) => machine.capturingImageId !== null);
  if (captured) {
    throw new AppError(
      'machine_not_assignable',
      `Machine ${captured.id} cannot be assigned: image ${captured.capturingImageId} of it is still being created.`,
    );
  }
  for (const machine of machines) assertHolds(machine, image);
}

/** Throws unless the machine's disk is large enough for the image (4510). */
export function assertHolds(machine: Machine, image: Pick<Image, 'id' | 'sizeGb'>): void {
  if (machine.diskSizeGb >= image.sizeGb) return;
  throw new AppError(
    'image_too_large',
    `Image ${image.id} has ${image.sizeGb} GB and the disk of machine ${machine.id} ${machine.diskSizeGb} GB; choose a smaller image or a machine with a larger disk.`,
  );
}

/**
 * How an assignment stops a machine: at once when it is ready, as soon as possible when it is
 * starting, and not at all otherwise.
 */
export function planAssign(machine: Machine): 'stop' | 'request-stop' | 'nothing' {
  if (machine.status === 'ready') return 'stop';
  return isStarting(machine) ? 'request-stop' : 'nothing';
}

/** The defaults of a machine's permissions, under the names that the contract gives them. */
export const machinePermissionDefaults = {
  public_internet_access: true,
  can_download_from_vagon_workstation: true,
  analytics_collection_enabled: false,
  clipboard_enabled: true,
  screen_recording_enabled: false,
  input_recording_enabled: false,
} as const satisfies Record<string, boolean>;
