// Machines that the engine pauses when the disk of its host is full.

import type { MachineId } from '../../domain/ids.ts';

export interface Pause {
  /** The machines that are paused because the host's disk was full. */
  pausedMachines(): Promise<Set<MachineId>>;
  resumeMachine(machineId: MachineId): Promise<boolean>;
}
