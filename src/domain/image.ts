// An image: a named layer from which machines are started. This file has its statuses and the
// changes that they allow, its name, its size, and its parts.

import { AppError, invalid } from './error.ts';
import type {
  BaseImageId,
  ImageId,
  LayerId,
  MachineId,
  OrganisationId,
  SoftwareId,
} from './ids.ts';
import type { TemplatePolicy } from './template.ts';

export const imageStatuses = ['pending', 'building', 'available', 'failed'] as const;
export type ImageStatus = (typeof imageStatuses)[number];

/**
 * `seat`: captured from a machine. `pre_installation`: built from a base image and a list of
 * software.
 */
type ImageSource = 'seat' | 'pre_installation';

export interface Image {
  id: ImageId;
  organisationId: OrganisationId;
  name: string;
  sizeGb: number;
  status: ImageStatus;
  /** Why it failed, for the caller; null unless `failed`. */
  statusReason: string | null;
  source: ImageSource;
  /**
   * The head layer of its chain; null until the image is made, and when it can no longer be
   * restored.
   */
  layerId: LayerId | null;
  baseImageId: BaseImageId | null;
  /** The machine that it was captured from; null for an image that was built or imported. */
  machineId: MachineId | null;
  createdAt: number;
  updatedAt: number;
  deletedAt: number | null;
  /** Since when it is protected from deletion; null when it is not. */
  protectedAt: number | null;
  /** The report of its generalisation: cleared things, and warnings; null without one. */
  report: string | null;
  /** Whether templates are made for it; null: as for its organisation. */
  templates: TemplatePolicy | null;
}

/**
 * One step of an image's build: one title of software that was installed, or found in the cache.
 */
export interface BuildStep {
  /** From 1, in order of installation. */
  position: number;
  softwareId: SoftwareId;
  /** `hit`: a layer of an earlier build was used again. `miss`: the recipe was run. */
  cache: 'hit' | 'miss';
  /** Of the recipe; null for a hit. */
  exitCode: number | null;
  durationMs: number;
  /** The recipe's output, shortened by the engine where it is long. */
  output: string;
}

/** A step as lists have it: its output may be long, and is read by parts. */
export interface ListedStep extends Omit<BuildStep, 'output'> {
  /** Of the software. */
  name: string;
  outputChars: number;
}

/** One title of software that an image has. */
export interface SoftwareOfImage {
  imageId: ImageId;
  softwareId: SoftwareId;
  name: string;
  sizeGb: number;
}

const nextStatuses: Record<ImageStatus, readonly ImageStatus[]> = {
  pending: ['building', 'failed'],
  building: ['available', 'failed'],
  available: ['failed'],
  failed: [],
};

export function imageMayBecome(from: ImageStatus, to: ImageStatus): boolean {
  return nextStatuses[from].includes(to);
}

const imageNameCharactersMax = 30;

/** Checks a name that a caller gave. Its length is counted in code points, not in UTF-16 units. */
export function parseImageName(name: string): string {
  const characters = [...name].length;
  if (name.trim() === '')
    throw invalid('The name is blank; give 1 to 30 characters, or leave the field out.');
  if (characters > imageNameCharactersMax) {
    throw invalid(`The name has ${characters} characters; the most is ${imageNameCharactersMax}.`);
  }
  return name;
}

export function defaultImageName(id: ImageId): string {
  return `Template #${id}`;
}

/**
 * The size in GB of an image built from a base and software: their sum with a buffer of 5 %,
 * rounded up.
 */
export function builtImageSizeGb(baseSizeGb: number, softwareSizesGb: readonly number[]): number {
  const sum = softwareSizesGb.reduce((total, size) => total + size, baseSizeGb);
  // In binary floating point, a sum such as 1.05 × 20 is slightly above the whole number.
  return Math.ceil(Math.round(sum * 1.05 * 1e6) / 1e6);
}

/** The reason of an image whose making was cancelled. */
export const cancelledReason = 'cancelled';

export const isCancelled = ({ status, statusReason }: Image): boolean =>
  status === 'failed' && statusReason === cancelledReason;

export function assertCancellable({ id, status }: Image): void {
  if (status === 'pending' || status === 'building') return;
  throw new AppError(
    'machine_not_ready',
    `Image ${id} is ${status}; only an image that is pending or building can be cancelled.`,
  );
}

export function assertDeletable(image: Image): void {
  if (image.protectedAt !== null) {
    throw new AppError(
      'conflict',
      `Image ${image.id} is protected; take the protection away first (POST /images/${image.id}/protection).`,
    );
  }
  if (image.status === 'building') {
    throw new AppError(
      'image_building',
      `Image ${image.id} is building and cannot be deleted; cancel it first (POST /images/${image.id}/cancel), or wait until it is available or failed.`,
    );
  }
}

export function assertAssignable(image: Image): void {
  if (image.status !== 'available') {
    throw new AppError(
      'image_not_available',
      `Image ${image.id} is ${image.status}; only an available image can be assigned.`,
    );
  }
}
