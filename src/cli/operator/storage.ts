// silversmith storage

import type { Command } from 'commander';
import { gbBytes } from '../../domain/units.ts';
import { table } from '../table.ts';
import type { Both, OperatorContext } from './context.ts';

export function storageCommand(command: Command, { both, withDesk, print }: OperatorContext): void {
  both(command).action((flags: Both) =>
    withDesk(flags, async (desk) => {
      const sizes = await desk.storageGet();
      const rows = sizes.map(([what, bytes]) => [what, (bytes / gbBytes).toFixed(1)]);
      print(flags, Object.fromEntries(sizes), table(['WHAT', 'GB'], rows));
    }),
  );
}
