// How much an organisation has, and how much it may have. Every method throws a TypeError in the
// scope of the system.

import type { QuotaName, Quotas } from '../../domain/organisation.ts';

/**
 * What is counted: images that are not deleted, machines, open jobs that make an image; in GB to
 * three decimals what is stored, and of it kept disks, the machines' own disks as last measured,
 * and what may still be written; and the memory and processors of machines that are on.
 */
export type UsageName = QuotaName | 'disksGb' | 'reservedGb' | 'memoryMb' | 'cpus';

export interface UsageReader {
  /** The quotas, with the defaults for those that were not set, and how much there is of what. */
  of<Name extends UsageName>(
    names: readonly Name[],
  ): Promise<{ quotas: Quotas; used: Record<Name, number> }>;
  /** Whether captures are generalised unless a request says otherwise. */
  generalizes(): Promise<boolean>;
  /**
   * Bytes of its captures, its imports, the files of its transfers and the disks of its machines,
   * until they are gone from the host's disk, also after they were deleted; and those that its
   * uploads, captures and machines may still write. Bases and installed software are shared, and
   * count for no organisation.
   */
  storedBytes(): Promise<number>;
}
