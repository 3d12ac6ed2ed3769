// silversmith cache list|prune

import type { Command } from 'commander';
import { cacheList, cachePrune } from '../../app/operator/cache.ts';
import { gbBytes } from '../../domain/units.ts';
import { mb, minute, table } from '../output.ts';
import { decimal } from '../parse.ts';
import type { Local, OperatorContext } from './context.ts';

export function cacheCommands(cache: Command, { local, withStore, print }: OperatorContext): void {
  local(cache.command('list').description('list the steps, the one used longest ago first')).action(
    (flags: Local) =>
      withStore(flags, async ({ store }) => {
        const steps = await cacheList(store);
        const rows = steps.map((one) => [
          one.id,
          mb(one.storedBytes),
          one.usedAt === null ? 'never' : minute(one.usedAt),
          one.inUse ? 'yes' : 'no',
        ]);
        print(flags, steps, table(['LAYER', 'MB', 'USED', 'IN USE'], rows));
      }),
  );
  local(cache.command('prune').description('take steps that nothing stands on out of the cache'))
    .option(
      '--keep-gb <number>',
      'as many GB of steps may stay, those used last',
      decimal(0, 1e6),
      0,
    )
    .action((flags: Local & { keepGb: number }) =>
      withStore(flags, async ({ operator }) => {
        const { steps, bytes } = await cachePrune(operator, flags.keepGb * gbBytes);
        print(
          flags,
          { steps, bytes },
          `${steps.length} steps leave the cache; the server frees their ${mb(bytes)} MB within two minutes, or after its next start.`,
        );
      }),
    );
}
