// silversmith machine-type list

import type { Command } from 'commander';
import { print, table } from '../output.ts';
import { type CatalogueContext, catalogueList } from './catalogue.ts';
import { connect } from './context.ts';

export function machineTypeCommands(noun: Command, context: CatalogueContext): void {
  catalogueList(noun, 'machine-type', 'the same columns', context, async (flags) => {
    const client = await connect(flags, context.env);
    const answer = await client.planList({});
    const rows = answer.plans.map(({ id, attributes: one }) => [
      ...[id, one.name, one.machine_type, one.cpus, one.memory_mb, one.disk_size],
    ]);
    const headings = ['ID', 'NAME', 'TYPE', 'CPUS', 'MEMORY MB', 'DISK GB'];
    print(context.terminal, flags, answer, table(headings, rows));
  });
}
