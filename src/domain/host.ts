// The host: the room on its disk, and how much of it new work may take; the orphans of its engine;
// and the files that a backup freezes.

import { AppError, noRoomForNow } from './error.ts';
import { gbBytes } from './units.ts';

/** The room on the disk that holds layers, disks and transfers. */
export interface Capacity {
  totalBytes: number;
  freeBytes: number;
}

/** A layer, disk or template that an engine has and the store does not know. */
export interface Orphan {
  kind: 'layer' | 'disk' | 'template';
  id: string;
  bytes: number;
  /** When it was first seen, in ms since 1970. */
  seenAt: number;
}

/**
 * The files that a backup freezes while it copies them: no job that changes files of that kind is
 * claimed meanwhile (`blockedBy` in `job.ts`).
 */
export type Freeze = 'disks' | 'layers';

/** The part of the host's disk that new work leaves free, so that running machines can write. */
const reservePart = 0.05;

/** GB to one decimal, for people; a negative number is 0. */
export const gb = (bytes: number) => Math.max(0, Math.round((bytes / gbBytes) * 10) / 10);

/** The bytes that new work may take: the free bytes without the reserve. May be negative. */
export const roomBytes = ({ totalBytes, freeBytes }: Capacity) =>
  freeBytes - totalBytes * reservePart;

/** Whether the disk is too full for new work. */
export const isFull = (capacity: Capacity): boolean => roomBytes(capacity) <= 0;

/** Says with both numbers that the disk is too full for new work. */
export const saysFull = ({ totalBytes, freeBytes }: Capacity): string =>
  `The disk of the host is ${Math.floor((1 - freeBytes / totalBytes) * 100)} % full (${gb(totalBytes - freeBytes)} of ${gb(totalBytes)} GB); nothing new is made from ${(1 - reservePart) * 100} % on. Delete images, or ask the operator.`;

/** Whether an error of the system says that the disk is full, or that our user may take no more. */
export const isFullDisk = (error: unknown): boolean =>
  /^(ENOSPC|EDQUOT)$/.test((error as NodeJS.ErrnoException | null)?.code ?? '');

/** The error of work that filled the disk. */
export const diskFull = (detail?: string) =>
  noRoomForNow("The host's disk is full. Free some space there, then try again.", { detail });

/** Throws `no_capacity` with both numbers when the disk is too full for new work. */
export function assertNotFull(capacity: Capacity): void {
  if (isFull(capacity)) throw new AppError('no_capacity', saysFull(capacity));
}

/**
 * Throws `no_capacity` with both numbers when work that may take `neededBytes` would use the
 * reserve. It knows the disk alone; `account.ts` knows what is promised on it too.
 */
export function assertRoom(capacity: Capacity, neededBytes: number): void {
  assertNotFull(capacity);
  const room = roomBytes(capacity);
  if (neededBytes <= room) return;
  throw new AppError(
    'no_capacity',
    `This may take ${gb(neededBytes)} GB and ${gb(room)} GB are left on the host; choose less, delete images, or ask the operator.`,
  );
}
