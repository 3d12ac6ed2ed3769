// The console of machines.

import type { MachineId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface Screen {
  /**
   * The end of what a machine has shown on its console since it was started, at most 16 KiB; empty
   * when nothing is known. The text is the guest's own and may hold anything.
   */
  read(machineId: MachineId, call: Call): Promise<string>;
}
