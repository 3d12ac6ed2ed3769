// Writes the reference of the command line from the commands. Type: npm run commands

import { writeFile } from 'node:fs/promises';
import { commandReference } from '../src/bin/print/reference.ts';

export const commandsPage = new URL('../docs/reference/cli.md', import.meta.url);

if (import.meta.main) await writeFile(commandsPage, await commandReference());
