// Whether a root can boot, known without starting a machine.

import type { RootBoot } from '../port/layers.ts';

export interface BootFault {
  /** The end of a sentence. */
  says: string;
  /** Else it may start all the same, and whoever gave it is warned. */
  sure: boolean;
}

export interface BootCheck {
  bootFault(root: RootBoot): Promise<BootFault | null>;
}
