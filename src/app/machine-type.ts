// Machine types, the sizes of machines: which there are, and the change of a machine's type.

import type { MachineId, MachineTypeId } from '../domain/ids.ts';
import { assertOff } from '../domain/machine.ts';
import type { MachineType } from '../domain/machine-type.ts';
import type { ChangeContext, ReadContext } from './context.ts';

export const planList = ({ work }: ReadContext): Promise<MachineType[]> => work.machineTypes.list();

/** The types that a machine can have: all of them. Throws `not_found`. */
export async function machineTypeList(
  { work }: ReadContext,
  id: MachineId,
): Promise<MachineType[]> {
  await work.machines.get(id);
  return work.machineTypes.list();
}

/**
 * Gives the machine the processors and memory of another type; its disk stays as it is. The machine
 * must be off. Throws `not_found` and `machine_not_ready`.
 */
export async function machineTypeSet(
  { work, touched }: ChangeContext,
  id: MachineId,
  typeId: MachineTypeId,
): Promise<void> {
  const machine = await work.machines.get(id);
  touched({ machineIds: [id] });
  const { code: machineType, cpus, memoryMb } = await work.machineTypes.get(typeId);
  assertOff(machine);
  await work.machines.update(id, { machineType, cpus, memoryMb });
}
