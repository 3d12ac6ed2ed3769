// silversmith software list

import type { Command } from 'commander';
import { printList } from '../listing.ts';
import { type CatalogueContext, catalogueList, sizeColumns } from './catalogue.ts';

export function softwareCommands(noun: Command, context: CatalogueContext): void {
  catalogueList(noun, 'software', 'files and network', context, async (client, flags) => {
    const { base_images: _, ...answer } = await client.softwareList({});
    await printList(context.terminal, flags, {
      items: answer.software,
      columns: sizeColumns,
      answer: (items) => ({ ...answer, software: items }),
    });
  });
}
