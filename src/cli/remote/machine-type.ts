// silversmith machine-type list

import type { Command } from 'commander';
import type { Answer } from '../../contract/table.ts';
import { type Columns, printList } from '../listing.ts';
import { type CatalogueContext, catalogueList } from './catalogue.ts';

const columns: Columns<Answer<'planList'>['plans'][number]> = {
  ID: ({ id }) => id,
  NAME: ({ attributes: one }) => one.name,
  TYPE: ({ attributes: one }) => one.machine_type,
  CPUS: ({ attributes: one }) => one.cpus,
  'MEMORY MB': ({ attributes: one }) => one.memory_mb,
  'DISK GB': ({ attributes: one }) => one.disk_size,
};

export function machineTypeCommands(noun: Command, context: CatalogueContext): void {
  catalogueList(noun, 'machine-type', 'the same columns', context, async (client, flags) => {
    const answer = await client.planList({});
    await printList(context.terminal, flags, {
      items: answer.plans,
      columns,
      answer: (plans) => ({ ...answer, plans }),
    });
  });
}
