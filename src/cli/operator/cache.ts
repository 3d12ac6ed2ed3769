// silversmith cache list|prune

import type { Command } from 'commander';
import { cacheList, cachePrune } from '../../app/operator/cache.ts';
import { gbBytes } from '../../domain/units.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import { mb, minute } from '../output.ts';
import { decimal } from '../parse.ts';
import type { Local, OperatorContext } from './context.ts';

const columns: Columns<Awaited<ReturnType<typeof cacheList>>[number]> = {
  LAYER: ({ id }) => id,
  MB: ({ storedBytes }) => mb(storedBytes),
  USED: ({ usedAt }) => (usedAt === null ? 'never' : minute(usedAt)),
  'IN USE': ({ inUse }) => (inUse ? 'yes' : 'no'),
};

export function cacheCommands(
  cache: Command,
  { local, withStore, print, terminal }: OperatorContext,
): void {
  listOptions(
    local(cache.command('list').description('list the steps, the one used longest ago first')),
  ).action((flags: Local & ListFlags) =>
    withStore(flags, async ({ store }) => {
      const items = await cacheList(store);
      await printList(terminal, flags, { items, columns, answer: (steps) => steps });
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
