// silversmith audit list

import type { Command } from 'commander';
import { auditList } from '../../app/operator/audit.ts';
import { table } from '../output.ts';
import { whole } from '../parse.ts';
import type { Local, OperatorContext } from './context.ts';

const limitMax = 10_000;

export function auditCommands(audit: Command, { local, withStore, print }: OperatorContext): void {
  local(audit.command('list').description('list the changes, newest first'))
    .option('--limit <number>', 'how many', whole(1, limitMax), 100)
    .action((flags: Local & { limit: number }) =>
      withStore(flags, async ({ store }) => {
        const entries = await auditList(store, flags.limit);
        const rows = entries.map((one) => [
          new Date(one.createdAt).toISOString(),
          one.operator,
          one.action,
          one.thing,
          one.outcome,
          one.reason ?? '',
        ]);
        print(flags, entries, table(['TIME', 'WHO', 'ACTION', 'WHAT', 'OUTCOME', 'REASON'], rows));
      }),
    );
}
