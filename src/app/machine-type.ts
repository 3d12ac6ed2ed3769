// Machine types, the sizes of machines: which there are, and the change of a machine's type.

import type { MachineId, MachineTypeId } from '../domain/ids.ts';
import { assertOff } from '../domain/machine.ts';
import type { MachineType } from '../domain/machine-type.ts';
import { assertOffered, isOffered } from '../domain/offer.ts';
import type { ChangeContext, OrganisationReader, ReadContext } from './context.ts';

export const planList = async ({ work }: ReadContext): Promise<MachineType[]> =>
  (await work.machineTypes.list()).filter(isOffered);

/** The type with this id. Throws `not_found`, also for a type that is retired. */
export async function offeredType(
  { machineTypes }: OrganisationReader,
  id: MachineTypeId,
): Promise<MachineType> {
  const type = await machineTypes.get(id);
  assertOffered('machine type', type, 'GET /plans');
  return type;
}

/** The types that a machine can have: all that are offered. Throws `not_found`. */
export async function machineTypeList(
  { work }: ReadContext,
  id: MachineId,
): Promise<MachineType[]> {
  await work.machines.get(id);
  return (await work.machineTypes.list()).filter(isOffered);
}

/** The fields that a machine copies from its type; its disk has a size of its own. */
export const sizeOf = ({ code, cpus, memoryMb, network }: MachineType) => ({
  ...{ machineType: code, cpus, memoryMb, network },
});

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
  const type = await offeredType(work, typeId);
  assertOff(machine);
  await work.machines.update(id, sizeOf(type));
}
