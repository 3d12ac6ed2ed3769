// silversmith cache list|prune

import type { Command } from 'commander';
import { gbBytes } from '../../domain/units.ts';
import { type Confirming, confirmed, confirmOptions, count, type Loss } from '../confirm.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import { mb, minute } from '../output.ts';
import { decimal } from '../parse.ts';
import type { Both, OperatorContext } from './context.ts';
import type { Desk } from './desk.ts';

type Step = Awaited<ReturnType<Desk['cacheList']>>[number];

const columns: Columns<Step> = {
  LAYER: ({ id }) => id,
  MB: ({ storedBytes }) => mb(storedBytes),
  USED: ({ usedAt }) => (usedAt === null ? 'never' : minute(usedAt)),
  'IN USE': ({ inUse }) => (inUse ? 'yes' : 'no'),
};

export function cacheCommands(
  cache: Command,
  { both, withDesk, print, terminal }: OperatorContext,
): void {
  listOptions(
    both(cache.command('list').description('list the steps, least recently used first')),
  ).action((flags: Both & ListFlags) =>
    withDesk(flags, async (desk) => {
      const items = await desk.cacheList();
      await printList(terminal, flags, { items, columns, answer: (steps) => steps });
    }),
  );
  confirmOptions(
    both(
      cache.command('prune').description('remove the steps that nothing stands on from the cache'),
    ),
  )
    .option(
      '--keep-gb <number>',
      'as many GB of steps may stay, those used last',
      decimal(0, 1e6),
      0,
    )
    .action((flags: Both & Confirming & { keepGb: number }) =>
      withDesk(flags, async (desk) => {
        const loss = lossOf(await desk.cacheList(), flags.keepGb);
        if (!(await confirmed(terminal, flags, loss))) return;
        const { steps, bytes } = await desk.cachePrune(flags.keepGb * gbBytes);
        print(
          flags,
          { steps, bytes },
          `${steps.length} steps leave the cache; the server frees their ${mb(bytes)} MB within two minutes, or after its next start.`,
        );
      }),
    );
}

/** At most what a prune takes: the cache is looked at again when it is done. */
function lossOf(steps: readonly Step[], keepGb: number): Loss {
  const unused = steps.filter((one) => !one.inUse);
  const bytes = unused.reduce((sum, one) => sum + one.storedBytes, 0);
  const kept = keepGb > 0 ? `, of which ${keepGb} GB stay` : '';
  return {
    does: 'Prune the build cache',
    losses:
      unused.length === 0
        ? []
        : [`${count(unused.length, 'step')} that nothing stands on, ${mb(bytes)} MB${kept}.`],
    undo: 'It cannot be undone; builds that need such a step run it again.',
    numbers: { steps: unused.length, bytes, keep_gb: keepGb },
  };
}
