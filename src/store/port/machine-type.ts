// Machine types. They belong to the operator, and every organisation sees them.

import type { MachineTypeId } from '../../domain/ids.ts';
import type { MachineType, NewMachineType } from '../../domain/machine-type.ts';
import type { OfferUses } from '../../domain/offer.ts';

export interface MachineTypeReader {
  /** Throws not-found. */
  get(id: MachineTypeId): Promise<MachineType>;
  /** All types, also retired ones, in order of id. */
  list(): Promise<MachineType[]>;
  /** What is of a type. */
  uses(id: MachineTypeId): Promise<OfferUses>;
}

export interface MachineTypeWriter extends MachineTypeReader {
  /** Throws `internal` when the name is taken. */
  add(type: NewMachineType): Promise<{ id: MachineTypeId }>;
  setRetired(id: MachineTypeId, retiredAt: number | null): Promise<void>;
  /** Forgets a type that nothing uses. */
  remove(id: MachineTypeId): Promise<void>;
}
