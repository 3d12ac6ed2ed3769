// silversmith storage

import type { Command } from 'commander';
import { storageGet } from '../../app/operator/storage.ts';
import { gbBytes } from '../../domain/units.ts';
import { table } from '../table.ts';
import type { Local, OperatorContext } from './context.ts';

export function storageCommand(
  command: Command,
  { local, withStore, print }: OperatorContext,
): void {
  local(command).action((flags: Local) =>
    withStore(flags, async ({ store, openEngine }) => {
      const sizes = await storageGet(store, await openEngine());
      const rows = sizes.map(([what, bytes]) => [what, (bytes / gbBytes).toFixed(1)]);
      print(flags, Object.fromEntries(sizes), table(['WHAT', 'GB'], rows));
    }),
  );
}
