// How much an organisation has, and how much it may have. Every method throws a TypeError in the
// scope of the system.

import type { QuotaName, Quotas } from '../../domain/organisation.ts';

/**
 * What is counted: images that are not deleted, machines, open jobs that make an image, and in GB
 * to three decimals: what is stored, kept disks, and the machines' own disks, as last measured.
 */
export type UsageName = QuotaName | 'disksGb';

export interface UsageReader {
  /** The quotas, with the defaults for those that were not set, and how much there is of what. */
  of<Name extends UsageName>(
    names: readonly Name[],
  ): Promise<{ quotas: Quotas; used: Record<Name, number> }>;
  /** Whether captures are generalised unless a request says otherwise. */
  generalizes(): Promise<boolean>;
  /**
   * Bytes of its captures and imports, and of the files of its transfers, until they are gone from
   * the host's disk, also after they were deleted. Bases and installed software are shared, and
   * count for no organisation.
   */
  storedBytes(): Promise<number>;
}
