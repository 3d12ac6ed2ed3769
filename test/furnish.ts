// Fills the store of a server under test: a base, titles, an organisation with machines, and a key
// with all permissions.

import { baseAdd } from '../src/app/operator/base.ts';
import { keyCreate } from '../src/app/operator/key.ts';
import { softwareAdd } from '../src/app/operator/software.ts';
import type { GivenBoot } from '../src/domain/boot.ts';
import { permissions } from '../src/domain/key.ts';
import { machinePermissionDefaults } from '../src/domain/machine.ts';
import type { Engine } from '../src/engine/port/engine.ts';
import type { MasterKey } from '../src/lib/master-key.ts';
import type { Store } from '../src/store/port/unit-of-work.ts';
import { operatorOn } from './operator.ts';

export interface Title {
  name: string;
  script: string;
  files?: string[];
  timeoutMs?: number;
}

export interface Furniture {
  base: { disk: string; kernel?: string; initrd?: string; boot: GivenBoot };
  titles: readonly Title[];
  machines: number;
}

export async function furnish(
  { store, engine, masterKey }: { store: Store; engine: Engine; masterKey: MasterKey },
  { base: { boot, ...files }, titles, machines: count }: Furniture,
) {
  const { id: baseId } = await baseAdd(operatorOn(store), engine, {
    name: 'Debian 12',
    files,
    boot,
  });
  // Record that the base works, as its trial would.
  await store.write('system', (work) => work.bases.prove(baseId));
  const software: number[] = [];
  for (const { name, script, files: needed = [], timeoutMs = 120_000 } of titles) {
    const title = { name, script, files: needed, sizeGb: 0.1, network: false, timeoutMs };
    software.push((await softwareAdd(operatorOn(store), engine, title)).id);
  }
  const organisationId = await store.write('system', (work) => work.organisations.ensure('test'));
  const resources = { cpus: 1, memoryMb: 512, diskSizeGb: 10 };
  const type = await store.write('system', (work) =>
    work.machineTypes.add({ name: 'Small', code: 'small', ...resources }),
  );
  const size = { machineTypeId: type.id, machineType: 'small', ...resources };
  const machines: number[] = [];
  for (let index = 0; index < count; index++) {
    const more = { permissions: machinePermissionDefaults, assignedImageId: null, region: null };
    const machine = await store.write(organisationId, (work) =>
      work.machines.add({ organisationId, ...size, ...more }),
    );
    machines.push(machine.id);
  }
  const key = await keyCreate(operatorOn(store), masterKey, {
    organisation: organisationId,
    name: 'test',
    permissions,
  });
  return { software, machines, key, organisationId };
}
