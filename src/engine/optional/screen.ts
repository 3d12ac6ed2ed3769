// The console of machines.

import type { MachineId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface Screen {
  /**
   * Returns the end of a machine's console output since its start, at most 16 KiB; empty when none
   * is known. The guest writes this text, so it may contain any characters.
   */
  read(machineId: MachineId, call: Call): Promise<string>;
}
