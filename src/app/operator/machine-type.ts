// Machine types: the sizes in which machines are made.

import type { MachineType, NewMachineType } from '../../domain/machine-type.ts';
import type { Store } from '../../store/port/unit-of-work.ts';
import { change } from './context.ts';
import { assertName, assertNameFree } from './name.ts';

export const machineTypeList = async (store: Store): Promise<MachineType[]> => {
  const all = await store.read('system', (work) => work.machineTypes.list());
  return all.map(({ id, name, code, cpus, memoryMb, diskSizeGb, network, retiredAt }) => ({
    ...{ id, name, code, cpus, memoryMb, diskSizeGb, network, retiredAt },
  }));
};

/** Throws `invalid` for a bad name, and `conflict` when a machine type has the name. */
export const machineTypeAdd = change(
  'machineTypeAdd',
  ({ name }: NewMachineType) => `machine type ${JSON.stringify(name)}`,
  async ({ store, touched }, type) => {
    assertName(type.name);
    const added = await store.write('system', async (work) => {
      assertNameFree(
        'machine type',
        type.name,
        await work.machineTypes.list(),
        () => 'give another name, or see: silversmith machine-type list',
      );
      return work.machineTypes.add(type);
    });
    touched(`machine type ${added.id} (${type.name})`);
    return added;
  },
);
