// Whether a root can boot, as far as that is known without starting a machine on it.

import type { Call } from '../port/call.ts';
import type { RootBoot } from '../port/layers.ts';

export interface BootFault {
  /** The end of a sentence. */
  says: string;
  /** False: a machine may still start, so the fault is only a warning. */
  sure: boolean;
}

export interface BootCheck {
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
