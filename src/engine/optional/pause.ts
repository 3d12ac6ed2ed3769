// Machines that the engine pauses when the disk of its host is full.

import type { MachineId } from '../../domain/ids.ts';
import type { Call } from '../port/call.ts';

export interface Pause {
  /** The machines that are paused because the host's disk was full. */
  paused(call: Call): Promise<Set<MachineId>>;
  /**
   * Resumes a paused machine; when the host's disk is still full, the engine pauses it again.
   * Returns false when the machine cannot be reached. Idempotent.
   */
  resume(machineId: MachineId, call: Call): Promise<boolean>;
}
