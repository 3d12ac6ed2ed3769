// silversmith software list

import type { Command } from 'commander';
import { print } from '../output.ts';
import { type CatalogueContext, catalogueList, sizeTable } from './catalogue.ts';
import { connect } from './context.ts';

export function softwareCommands(noun: Command, context: CatalogueContext): void {
  catalogueList(noun, 'software', 'files and network', context, async (flags) => {
    const client = await connect(flags, context.env);
    const { base_images: _, ...answer } = await client.softwareList({});
    print(context.terminal, flags, answer, sizeTable(answer.software));
  });
}
