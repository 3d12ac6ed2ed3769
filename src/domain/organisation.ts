// The quotas of an organisation, which keep one organisation from taking the host from the others.

import { invalid } from './error.ts';

/** The most that an organisation may have. */
export interface Quotas {
  images: number;
  machines: number;
  /** Images that are being made at once. */
  builds: number;
  /**
   * GB that its captures, its imports, the files of its transfers and the disks of its machines
   * take on the host's disk, until they are removed from it, and what they may still write.
   */
  storedGb: number;
  /** GB of replaced disks that are kept; the oldest are removed when there are more. */
  keptGb: number;
}

export type QuotaName = keyof Quotas;

export const defaultQuotas: Quotas = {
  images: 1000,
  machines: 1000,
  builds: 20,
  storedGb: 10_000,
  keptGb: 1000,
};

const words: Record<QuotaName, string> = {
  images: 'images',
  machines: 'machines',
  builds: 'images being made at once',
  storedGb: 'GB stored',
  keptGb: 'GB of kept disks',
};

/** Throws an `invalid` with both numbers when `wanted` more would exceed the quota. */
export function assertWithinQuota(
  name: QuotaName,
  used: number,
  wanted: number,
  quotas: Quotas,
): void {
  const limit = quotas[name];
  if (used + wanted <= limit) return;
  const count = Math.round(wanted * 1000) / 1000;
  const asked = wanted === 0 ? '' : `, ${count} more ${count === 1 ? 'is' : 'are'} asked for`;
  const counted = name === 'storedGb' ? ' (disks of machines and uploads count)' : '';
  throw invalid(
    `The organisation has ${used} ${words[name]}${asked}, and the most is ${limit}${counted}; remove some, or ask the operator for more (silversmith organisation quota).`,
  );
}
