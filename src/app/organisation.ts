// The usage of an organisation, its quotas, and the check of a quota that precedes each creation.

import { assertWithinQuota, type QuotaName } from '../domain/organisation.ts';
import type { ReadContext } from './context.ts';

export async function usageGet({ work: { usage } }: ReadContext) {
  const quotas = await usage.quotas();
  return {
    images: { used: await usage.images(), limit: quotas.images },
    machines: { used: await usage.machines(), limit: quotas.machines },
    builds: { used: await usage.builds(), limit: quotas.builds },
    disksGb: await usage.disksGb(),
    keptGb: { used: await usage.keptGb(), limit: quotas.keptGb },
    storedGb: { used: await usage.storedGb(), limit: quotas.storedGb },
  };
}

/** Throws `invalid`, with the usage and the limit, when the wanted things exceed a quota. */
export async function assertQuota(
  { work: { usage } }: ReadContext,
  wanted: Partial<Record<QuotaName, number>>,
): Promise<void> {
  const quotas = await usage.quotas();
  for (const name of quotaNames) {
    const count = wanted[name];
    if (count !== undefined) assertWithinQuota(name, await usage[name](), count, quotas);
  }
}

const quotaNames: readonly QuotaName[] = ['images', 'machines', 'builds', 'storedGb', 'keptGb'];
