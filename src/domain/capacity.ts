// The room on the host's disk, and how much of it new work may take.

import { AppError } from './error.ts';
import { gbBytes } from './layer.ts';

export interface Capacity {
  totalBytes: number;
  freeBytes: number;
}

/** The part of the host's disk that new work leaves alone, so that what runs can go on. */
const reservePart = 0.05;

const gb = (bytes: number) => Math.max(0, Math.round((bytes / gbBytes) * 10) / 10);

/** Throws `unavailable` with both numbers when work that may take so many bytes would eat into the reserve. */
export function assertRoom({ totalBytes, freeBytes }: Capacity, neededBytes: number): void {
  const room = freeBytes - totalBytes * reservePart;
  if (room <= 0) {
    throw new AppError(
      'unavailable',
      `The disk of the host is ${Math.floor((1 - freeBytes / totalBytes) * 100)} % full (${gb(totalBytes - freeBytes)} of ${gb(totalBytes)} GB); nothing new is made from ${(1 - reservePart) * 100} % on. Delete images, or ask the operator.`,
    );
  }
  if (neededBytes > room) {
    throw new AppError(
      'unavailable',
      `This may take ${gb(neededBytes)} GB and ${gb(room)} GB are left on the host; choose less, delete images, or ask the operator.`,
    );
  }
}
