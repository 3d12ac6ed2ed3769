// silversmith machine-type add, and machine-type list for operators

import type { Command } from 'commander';
import { nameLengthMax } from '../../app/operator/name.ts';
import { type MachineNetwork, networkHelp } from '../../domain/machine-network.ts';
import type { MachineType } from '../../domain/machine-type.ts';
import { type Columns, type ListFlags, printList } from '../listing.ts';
import { whole, words } from '../parse.ts';
import type { Both, OperatorContext } from './context.ts';
import type { Desk } from './desk.ts';
import { offerCommands } from './offer.ts';
import { machineNetwork } from './parse-network.ts';

/** The largest machine type: what QEMU gives one machine, and a disk that a qcow2 file can be. */
const most = { cpus: 255, memoryMb: 16 * 1024 ** 2, diskGb: 1_000_000 };

interface Sizes {
  name: string;
  cpus: number;
  memory: number;
  disk: number;
  network?: MachineNetwork | null;
}

export function machineTypeCommands(machineType: Command, context: OperatorContext): void {
  const { both, withDesk, print } = context;
  offerCommands('machine-type', machineType, context);
  both(machineType.command('add').description('add a machine type'))
    .requiredOption('--name <name>', 'name of the machine type', words(nameLengthMax))
    .requiredOption('--cpus <number>', 'virtual processors', whole(1, most.cpus))
    .requiredOption('--memory <mb>', 'memory in MB', whole(1, most.memoryMb))
    .requiredOption('--disk <gb>', 'disk in GB', whole(1, most.diskGb))
    .option(
      '--network <network>',
      `of its machines: ${networkHelp}; default: the server's`,
      machineNetwork,
    )
    .action(({ name, cpus, memory, disk, network = null, ...flags }: Both & Sizes) =>
      withDesk(flags, async (desk) => {
        const sizes = { cpus, memoryMb: memory, diskSizeGb: disk, network };
        const added = await desk.machineTypeAdd({ name, code: name.toLowerCase(), ...sizes });
        print(flags, added, `Machine type ${added.id} (${name}) is added.`);
      }),
    );
}

const columns: Columns<MachineType> = {
  ID: ({ id }) => id,
  NAME: ({ name }) => name,
  TYPE: ({ code }) => code,
  CPUS: ({ cpus }) => cpus,
  'MEMORY MB': ({ memoryMb }) => memoryMb,
  'DISK GB': ({ diskSizeGb }) => diskSizeGb,
  NETWORK: ({ network }) => network ?? '',
  RETIRED: ({ retiredAt }) => (retiredAt === null ? '' : new Date(retiredAt).toISOString()),
};

export async function printMachineTypes(
  desk: Desk,
  { terminal }: OperatorContext,
  flags: ListFlags,
): Promise<void> {
  const items = await desk.machineTypeList();
  await printList(terminal, flags, { items, columns, answer: (types) => types });
}
