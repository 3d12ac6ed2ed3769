// The console of machines.

import type { MachineId } from '../../domain/ids.ts';

export interface Screen {
  console(machineId: MachineId): Promise<string>;
}
