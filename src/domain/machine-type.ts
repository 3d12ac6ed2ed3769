// A machine type: a size in which machines are made. The wire calls it a plan.

import type { MachineTypeId } from './ids.ts';
import type { MachineNetwork } from './machine-network.ts';

export interface MachineType {
  id: MachineTypeId;
  name: string;
  /** The name that the wire shows as `machine_type`; each machine made of it carries the code. */
  code: string;
  cpus: number;
  memoryMb: number;
  diskSizeGb: number;
  /** Null: that of the server. */
  network: MachineNetwork | null;
  /** Since when it is not offered any more; null while it is. */
  retiredAt: number | null;
}

export type NewMachineType = Omit<MachineType, 'id' | 'retiredAt' | 'network'> &
  Partial<Pick<MachineType, 'network'>>;
