// Machines that the engine pauses when the disk of its host is full.

import type { MachineId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface Pause {
  /** The machines that are paused because the host's disk was full. */
  paused(call: Call): Promise<Set<MachineId>>;
  /**
   * Lets a machine that is paused go on; when the host's disk is still full it is paused again.
   * False when it cannot be told to. Idempotent.
   */
  resume(machineId: MachineId, call: Call): Promise<boolean>;
}
