// The ports of the host that lead to machines. A port leads to one machine of the installation,
// whatever its address, and whichever organisation the machine belongs to.

import type { MachineId } from '../../domain/ids.ts';
import type { KeptForward, NewForward } from '../../domain/machine-network.ts';

export interface ForwardReader {
  /** Those that lead to these machines, in order of id. */
  ofMachines(ids: readonly MachineId[]): Promise<KeptForward[]>;
}

export interface ForwardWriter extends ForwardReader {
  /** Undefined when the port leads to a machine already. */
  add(forward: NewForward): Promise<KeptForward | undefined>;
  /** Forgets one that leads to this machine. False when there is none. */
  remove(machineId: MachineId, id: number): Promise<boolean>;
  /** Forgets those that lead to a machine. */
  removeOf(machineId: MachineId): Promise<void>;
  /** Notes that the engine has opened it, or why it could not. */
  note(id: number, seen: Pick<KeptForward, 'openedAt' | 'fault'>): Promise<void>;
}
