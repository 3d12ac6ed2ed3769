// The account of the host: the bytes that things take on its disk or may still write, and the
// memory and processors of guests that are on. New work is admitted while all of it fits. The store
// keeps the sums in the transactions that change the things, so two requests that each fit, and
// together do not, are not both admitted.

import { AppError } from './error.ts';
import { assertNotFull, type Capacity, gb, roomBytes } from './host.ts';

/** What some things hold: on the disk, promised on it, and of the host's memory and processors. */
export interface Held {
  things: number;
  /** As last measured, until the bytes are gone. */
  bytes: number;
  /** What accepted work may write beyond that. */
  reservedBytes: number;
  memoryMb: number;
  cpus: number;
}

export const nothingHeld: Held = { things: 0, bytes: 0, reservedBytes: 0, memoryMb: 0, cpus: 0 };

export const addHeld = (one: Held, other: Held): Held => ({
  things: one.things + other.things,
  bytes: one.bytes + other.bytes,
  reservedBytes: one.reservedBytes + other.reservedBytes,
  memoryMb: one.memoryMb + other.memoryMb,
  cpus: one.cpus + other.cpus,
});

/** Whether anything is held. */
export const isSomething = ({ things, bytes, reservedBytes, memoryMb, cpus }: Held): boolean =>
  things !== 0 || bytes !== 0 || reservedBytes !== 0 || memoryMb !== 0 || cpus !== 0;

/** The size of a guest, of a machine or of a build. */
export interface Guest {
  memoryMb: number;
  cpus: number;
}

/** The build machine of a base that asks for no other size. */
export const usualBuildGuest: Guest = { memoryMb: 1024, cpus: 2 };

/** The build machine of a size, or larger where one of the recipes that it runs asks for more. */
export const buildGuest = (size: Guest, recipes: readonly Partial<Guest>[]): Guest => ({
  memoryMb: Math.max(size.memoryMb, ...recipes.map(({ memoryMb = 0 }) => memoryMb)),
  cpus: Math.max(size.cpus, ...recipes.map(({ cpus = 0 }) => cpus)),
});

/** What the host gives to guests, as the server that works the engine has set it. */
export interface Admission {
  /** Null where the engine places guests by itself, as that of a cluster does: no limit. */
  memoryMb: number | null;
  cpus: number | null;
  /** How many bytes the disk of each machine that is on may grow before it is measured again. */
  growthBytes: number;
}

export interface Account {
  /** The disk of the host, as last measured. */
  capacity: Capacity;
  /** The bytes that the account had on the disk when that was measured. */
  knownBytes: number;
  admission: Admission;
  /** All things of the host together. */
  held: Held;
  /** The part of it that gives way to a start of a machine: the making of templates. */
  yielding: Guest;
}

/** The bytes that new work may take. Negative while the reserve is in use. */
export const accountRoomBytes = ({ capacity, knownBytes, held }: Account): number =>
  roomBytes(capacity) + knownBytes - held.bytes - held.reservedBytes;

const nearPart = 0.05;

/** Whether so little room is left that it is worth knowing which disks grow. */
export const isNearReserve = (account: Account): boolean =>
  accountRoomBytes(account) < account.capacity.totalBytes * nearPart;

/**
 * Throws `no_capacity` with both numbers when so many bytes do not fit beside what is there and
 * promised.
 */
export function assertBytesFit(account: Account, neededBytes: number): void {
  assertNotFull(account.capacity);
  const room = accountRoomBytes(account);
  if (room > 0 && neededBytes <= room) return;
  const { reservedBytes } = account.held;
  const promised =
    reservedBytes > 0 ? ` beside ${gb(reservedBytes)} GB promised to other work` : '';
  throw new AppError(
    'no_capacity',
    `This may take ${gb(neededBytes)} GB and ${gb(room)} GB are left on the host${promised}; choose less, delete images, wait until other work is done, or ask the operator.`,
  );
}

const resources = [
  { name: 'memoryMb', unit: 'MB of memory' },
  { name: 'cpus', unit: 'processors' },
] as const;

/** Whether the host has the memory and the processors for a guest beside all that it has. */
export const guestFits = ({ admission, held }: Account, guest: Guest): boolean =>
  resources.every(({ name }) => {
    const limit = admission[name];
    return limit === null || held[name] + guest[name] <= limit;
  });

/**
 * Throws `no_capacity` with both numbers when the host has too little memory or too few processors.
 * `what` names the guest.
 */
export function assertGuestFits(
  { admission, held }: Pick<Account, 'admission' | 'held'>,
  guest: Guest,
  what: string,
): void {
  for (const { name, unit } of resources) {
    const limit = admission[name];
    if (limit === null || held[name] + guest[name] <= limit) continue;
    const left = Math.max(0, limit - held[name]);
    throw new AppError(
      'no_capacity',
      `${what} needs ${guest[name]} ${unit}, and ${left} of the ${limit} that the host gives are left; stop another machine, choose a smaller machine type, try again later, or ask the operator.`,
    );
  }
}
