// Machines at an engine: starting them, stopping them, and asking how they are.

import type { DiskId, MachineId } from '../../domain/ids.ts';
import type { ChainBoot } from './layers.ts';

export interface MachineSpec extends ChainBoot {
  machineId: MachineId;
  diskId: DiskId;
  name: string;
  cpus: number;
  memoryMb: number;
  /**
   * No machine was ready on the disk before: it gets an identity of its own before the machine is
   * ready.
   */
  fresh: boolean;
}

export interface Machines {
  startMachine(spec: MachineSpec): Promise<void>;
  machineState(machineId: MachineId): Promise<'off' | 'on' | 'ready' | 'copy'>;
  stopMachine(machineId: MachineId, graceMs: number): Promise<void>;
  /** The machines that are on. */
  runningMachines(): Promise<Set<MachineId>>;
}
