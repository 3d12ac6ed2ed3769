// silversmith base list

import type { Command } from 'commander';
import { print } from '../output.ts';
import { type CatalogueContext, catalogueList, sizeTable } from './catalogue.ts';
import { connect } from './context.ts';

export function baseCommands(noun: Command, context: CatalogueContext): void {
  catalogueList(noun, 'base', 'how each boots', context, async (flags) => {
    const client = await connect(flags, context.env);
    const { software: _, ...answer } = await client.softwareList({});
    print(context.terminal, flags, answer, sizeTable(answer.base_images));
  });
}
