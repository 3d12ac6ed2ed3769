// How a root boots, and whether it can, as far as that is known without starting a machine on it.

import type { BootProfile, GivenBoot } from '../../domain/boot.ts';
import type { LayerId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';
import type { RootBoot } from '../port/layers.ts';

export interface BootFault {
  /** The end of a sentence. */
  says: string;
  /** False: a machine may still start, so the fault is only a warning. */
  sure: boolean;
}

/**
 * Versioned boards; a guest on the same one sees the same hardware after an upgrade of the host.
 */
export interface Boards {
  /** The board of a root for which none is named. */
  newest: string;
  all: readonly string[];
}

export interface SettleSpec {
  /** The root, which the engine has. */
  layerId: LayerId;
  boot: GivenBoot;
}

export interface BootCheck {
  /** The boards that guests can have on this host now. */
  boards(call: Call): Promise<Boards>;
  /**
   * Completes the boot profile of a new root: the firmware that its disk boots by, when that is to
   * be found, and the newest board of this host when none is named. Throws `invalid` for a board
   * that this host does not have. Changes nothing.
   */
  settle(spec: SettleSpec, call: Call): Promise<BootProfile>;
  /**
   * Returns a reason why a machine cannot start on chains that end in this root; null when none is
   * known. Changes nothing.
   */
  fault(root: RootBoot, call: Call): Promise<BootFault | null>;
  /**
   * Returns why the system on this root would not use the whole of a larger disk, as the end of a
   * sentence; null when nothing is known. Changes nothing.
   */
  growthFault(root: RootBoot, call: Call): Promise<string | null>;
}
