// Offers: the bases, the software and the machine types that organisations may begin new work with.
// One that is retired is no longer offered, and what stands on it goes on. Bases and software have
// versions: each is a thing of its own, whose name is the name of them all and its version.

import { AppError } from './error.ts';

export const offerKinds = ['base', 'software', 'machine-type'] as const;
export type OfferKind = (typeof offerKinds)[number];

/** A thing that can be retired. */
export interface Retirable {
  id: number;
  name: string;
  /** Since when it is not offered any more; null while it is. */
  retiredAt: number | null;
}

/** The numbers of things that keep a thing of the catalogue from being removed. */
export interface OfferUses {
  /** Images, also deleted ones while their rows are kept. */
  images: number;
  /** Machines, also deleted ones while their rows are kept. */
  machines: number;
  /** Disks, also those that are kept. */
  disks: number;
}

export const versionLengthMax = 40;

/** The name of a version, such as `Debian 13.1`. */
export const versionedName = (name: string, version: string | null): string =>
  version === null ? name : `${name} ${version}`;

/** The name that all versions of a thing share. */
export const seriesOf = ({ name, version }: { name: string; version: string | null }): string =>
  version === null ? name : name.slice(0, -(version.length + 1));

export const isOffered = ({ retiredAt }: Pick<Retirable, 'retiredAt'>): boolean =>
  retiredAt === null;

/** Throws not-found for a thing that new work may not begin with. */
export function assertOffered(noun: string, { id, name, retiredAt }: Retirable, see: string): void {
  if (retiredAt === null) return;
  throw new AppError(
    'not_found',
    `The ${noun} ${id} (${name}) is retired, and is not offered for new work any more; ${see} lists what is.`,
  );
}

/** Throws conflict while something stands on a thing that is to be removed. */
export function assertUnused(noun: string, { id, name }: Retirable, uses: OfferUses): void {
  const found = Object.entries(uses).filter(([, count]) => count > 0);
  if (found.length === 0) return;
  const counts = found.map(([what, count]) => `${count} ${what}`).join(' and ');
  throw new AppError(
    'conflict',
    `The ${noun} ${id} (${name}) is in use by ${counts}, deleted ones included, and cannot be removed; retire it instead: then nothing new begins with it.`,
  );
}
