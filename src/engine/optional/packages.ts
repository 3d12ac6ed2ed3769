// The packages that are installed on a layer, and how the files of two layers differ, read from
// their disks. Nothing of a disk is run or mounted.

import type { FileDifference } from '../../domain/file-difference.ts';
import type { LayerId } from '../../domain/ids.ts';
import type { PackageList } from '../../domain/package-list.ts';
import type { Call } from '../port/call.ts';

interface PackagesSpec {
  /** The layer and all layers below it, top first, as the store knows them. */
  chain: readonly LayerId[];
}

interface FilesSpec extends PackagesSpec {
  /** The chain that comes before, in the same form. */
  from: readonly LayerId[];
}

export interface Packages {
  /**
   * Reads the list. Changes nothing. Throws `internal` with the reason when it cannot be read, such
   * as from a file system that nothing here knows, and `unavailable` when something kept it from
   * being read.
   */
  list(spec: PackagesSpec, call: Call): Promise<PackageList>;
  /**
   * How the files of a chain differ from those of an earlier one. Changes nothing. Throws alike.
   */
  compareFiles(spec: FilesSpec, call: Call): Promise<FileDifference>;
}
