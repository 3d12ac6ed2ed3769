// What an organisation has, beside what it may have; and the check that every creation makes first.

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

/** Throws `invalid` with both numbers when there would be too many. */
export async function assertQuota(
  { work: { usage } }: ReadContext,
  wanted: Partial<Record<QuotaName, number>>,
): Promise<void> {
  const quotas = await usage.quotas();
  for (const [name, count] of Object.entries(wanted) as [QuotaName, number][])
    assertWithinQuota(name, await usage[name](), count, quotas);
}
