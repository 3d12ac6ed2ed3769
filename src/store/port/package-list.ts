// Lists of the packages on layers. Organisations share bases and installed software, so the scope
// does not matter here: callers reach a layer through an image that their scope has shown.

import type { LayerId } from '../../domain/ids.ts';
import type { PackageListRow } from '../../domain/package-list.ts';

export interface PackageListReader {
  /** Undefined when no list of the layer was ever wanted. */
  find(layerId: LayerId): Promise<PackageListRow | undefined>;
  /**
   * The sealed layers whose lists are wanted and that no job works on, the least often tried first;
   * at most `limit`.
   */
  wanted(limit: number): Promise<LayerId[]>;
}

export interface PackageListWriter extends PackageListReader {
  /** Wants the list of a layer. Does nothing when the layer has one, or one could not be read. */
  want(layerId: LayerId): Promise<void>;
  /** Wants a list anew, whatever became of the last one. */
  wantAgain(layerId: LayerId): Promise<void>;
  /** Does nothing when no list of the layer is known, because the layer is gone. */
  update(
    layerId: LayerId,
    change: Partial<Omit<PackageListRow, 'layerId' | 'listedAt'>>,
  ): Promise<void>;
}
