// What an organisation may have at most, so that one cannot take the host from the others.

import { invalid } from './error.ts';

/**
 * `storedGb`: what its captures and imports and the files of its transfers take on the host's disk,
 * until they are gone. `builds`: images that are being made at once.
 */
export interface Quotas {
  images: number;
  machines: number;
  builds: number;
  storedGb: number;
  /** GB of replaced disks; the oldest give way when there are more. */
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

/** Throws `invalid` with both numbers when `wanted` more would be too many. */
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
  throw invalid(
    `The organisation has ${used} ${words[name]}${asked}, and the most is ${limit}; remove some, or ask the operator for more (silversmith organisation quota).`,
  );
}
