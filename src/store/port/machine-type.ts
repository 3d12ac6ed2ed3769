// Machine types. They belong to the operator, and every organisation sees them.

import type { MachineTypeId } from '../../domain/ids.ts';
import type { MachineType } from '../../domain/machine-type.ts';

export interface MachineTypeReader {
  /** Throws not-found. */
  get(id: MachineTypeId): Promise<MachineType>;
  /** All types, in order of id. */
  list(): Promise<MachineType[]>;
}

export interface MachineTypeWriter extends MachineTypeReader {
  /** Throws `internal` when the name is taken. */
  add(type: Omit<MachineType, 'id'>): Promise<{ id: MachineTypeId }>;
}
