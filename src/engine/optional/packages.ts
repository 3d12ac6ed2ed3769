// The list of the packages that are installed on a layer, read from its disk. Nothing of the disk is
// run or mounted.

import type { LayerId } from '../../domain/ids.ts';
import type { PackageList } from '../../domain/package-list.ts';
import type { Call } from '../port/call.ts';

export interface PackagesSpec {
  /** The layer and all layers below it, top first, as the store knows them. */
  chain: readonly LayerId[];
}

export interface Packages {
  /**
   * Reads the list. Changes nothing. Throws `internal` with the reason when it cannot be read, such
   * as from a file system that nothing here knows, and `unavailable` when something kept it from
   * being read.
   */
  list(spec: PackagesSpec, call: Call): Promise<PackageList>;
}
