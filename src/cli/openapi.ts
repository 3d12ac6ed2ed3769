// silversmith openapi

import type { Command } from 'commander';
import type { Terminal } from './output.ts';

export function openApiCommand(command: Command, { terminal }: { terminal: Terminal }): void {
  command.action(async () => {
    const { openApiDocument } = await import('../contract/print/openapi.ts');
    terminal.out(JSON.stringify(openApiDocument(), null, 2));
  });
}
