// Whether a root can boot, as far as that is known without starting a machine on it.

import type { Call } from '../port/call.ts';
import type { RootBoot } from '../port/layers.ts';

export interface BootFault {
  /** The end of a sentence. */
  says: string;
  /** False: it may start all the same, so whoever gave it is warned only. */
  sure: boolean;
}

export interface BootCheck {
  /**
   * What speaks against starting a machine on chains that end in this root; null when nothing is
   * known. Changes nothing.
   */
  fault(root: RootBoot, call: Call): Promise<BootFault | null>;
}
