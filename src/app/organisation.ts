// The usage of an organisation, its quotas, and the check of a quota that precedes each creation.

import { assertWithinQuota, type QuotaName } from '../domain/organisation.ts';
import type { ReadContext } from './context.ts';

export async function usageGet({ work: { usage } }: ReadContext) {
  const { quotas, used } = await usage.of([
    ...quotaNames,
    'disksGb',
    'reservedGb',
    'memoryMb',
    'cpus',
  ]);
  return {
    images: { used: used.images, limit: quotas.images },
    machines: { used: used.machines, limit: quotas.machines },
    builds: { used: used.builds, limit: quotas.builds },
    disksGb: used.disksGb,
    reservedGb: used.reservedGb,
    memoryMb: used.memoryMb,
    cpus: used.cpus,
    keptGb: { used: used.keptGb, limit: quotas.keptGb },
    storedGb: { used: used.storedGb, limit: quotas.storedGb },
  };
}

/** Throws `invalid`, with the usage and the limit, when the wanted things exceed a quota. */
export async function assertQuota(
  { work: { usage } }: ReadContext,
  wanted: Partial<Record<QuotaName, number>>,
): Promise<void> {
  const names = quotaNames.filter((name) => wanted[name] !== undefined);
  const { quotas, used } = await usage.of(names);
  for (const name of names) assertWithinQuota(name, used[name], wanted[name] ?? 0, quotas);
}

const quotaNames: readonly QuotaName[] = ['images', 'machines', 'builds', 'storedGb', 'keptGb'];
