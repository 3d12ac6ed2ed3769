// silversmith audit list

import type { Command } from 'commander';
import type { auditList } from '../../app/operator/audit.ts';
import { type Columns, type ListFlags, listOptions, printList } from '../listing.ts';
import { whole } from '../parse.ts';
import type { Both, OperatorContext } from './context.ts';

const limitMax = 10_000;

const columns: Columns<Awaited<ReturnType<typeof auditList>>[number]> = {
  TIME: ({ createdAt }) => new Date(createdAt).toISOString(),
  WHO: ({ operator }) => operator,
  ACTION: ({ action }) => action,
  WHAT: ({ thing }) => thing,
  OUTCOME: ({ outcome }) => outcome,
  REASON: ({ reason }) => reason ?? '',
};

export function auditCommands(audit: Command, { both, withDesk, terminal }: OperatorContext): void {
  listOptions(both(audit.command('list').description('list the changes, newest first')))
    .option('--limit <number>', 'how many', whole(1, limitMax), 100)
    .action((flags: Both & ListFlags & { limit: number }) =>
      withDesk(flags, async (desk) => {
        const items = await desk.auditList(flags.limit);
        await printList(terminal, flags, { items, columns, answer: (entries) => entries });
      }),
    );
}
