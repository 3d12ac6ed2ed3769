// Writes the reference of the command line, and the schema of fleet files. Type: npm run commands

import { writeFile } from 'node:fs/promises';
import { commandReference } from '../src/bin/print/reference.ts';
import { fleetSchema } from '../src/cli/fleet/schema.ts';

export const commandsPage = new URL('../docs/reference/cli.md', import.meta.url);

export const schemaFile = new URL('../docs/reference/fleet.schema.json', import.meta.url);

export const fleetSchemaText = (): string => `${JSON.stringify(fleetSchema, null, 2)}\n`;

if (import.meta.main) {
  await writeFile(commandsPage, await commandReference());
  await writeFile(schemaFile, fleetSchemaText());
}
