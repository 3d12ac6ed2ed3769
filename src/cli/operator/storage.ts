// silversmith storage

import type { Command } from 'commander';
import { gbBytes } from '../../domain/units.ts';
import { table } from '../table.ts';
import type { Both, OperatorContext } from './context.ts';

export function storageCommand(command: Command, { both, withDesk, print }: OperatorContext): void {
  both(command).action((flags: Both) =>
    withDesk(flags, async (desk) => {
      const { sizes, guests } = await desk.storageGet();
      const rows = sizes.map(([what, bytes]) => [what, (bytes / gbBytes).toFixed(1)]);
      const ofMost = (most: number | null) => (most === null ? '' : ` of ${most}`);
      const have =
        guests &&
        `\nMachines that are on and builds have ${guests.memoryMb}${ofMost(guests.memoryMbMost)} MB of memory and ${guests.cpus}${ofMost(guests.cpusMost)} processors.`;
      print(
        flags,
        { ...Object.fromEntries(sizes), guests },
        `${table(['WHAT', 'GB'], rows)}${have ?? ''}`,
      );
    }),
  );
}
