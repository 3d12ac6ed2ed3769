// How much an organisation has, and how much it may have. Every method throws a TypeError in the
// scope of the system.

import type { Quotas } from '../../domain/organisation.ts';

export interface UsageReader {
  /** The quotas, with the defaults for those that were not set. */
  quotas(): Promise<Quotas>;
  /** Whether captures are generalised unless a request says otherwise. */
  generalizes(): Promise<boolean>;
  /** Images that are not deleted. */
  images(): Promise<number>;
  machines(): Promise<number>;
  /** Open jobs that make an image. */
  builds(): Promise<number>;
  /** GB of the kept disks, as last measured, to three decimals. */
  keptGb(): Promise<number>;
  /** GB of the machines' own disks, as last measured, to three decimals. */
  disksGb(): Promise<number>;
  /**
   * Bytes of its captures and imports, and of the files of its transfers, until they are gone from
   * the host's disk, also after they were deleted. Bases and installed software are shared, and
   * count for no organisation.
   */
  storedBytes(): Promise<number>;
  /** The same in GB, to three decimals. */
  storedGb(): Promise<number>;
}
