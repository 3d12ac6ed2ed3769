// silversmith base list

import type { Command } from 'commander';
import { printList } from '../listing.ts';
import { type CatalogueContext, catalogueList, sizeColumns } from './catalogue.ts';

export function baseCommands(noun: Command, context: CatalogueContext): void {
  catalogueList(noun, 'base', 'how each boots', context, async (client, flags) => {
    const { software: _, ...answer } = await client.softwareList({});
    await printList(context.terminal, flags, {
      items: answer.base_images,
      columns: sizeColumns,
      answer: (items) => ({ ...answer, base_images: items }),
    });
  });
}
