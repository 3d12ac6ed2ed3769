// silversmith usage

import type { Command } from 'commander';
import { print } from '../output.ts';
import { table } from '../table.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';

export function usageCommand(command: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(command).action(async (flags: Remote) => {
    const client = await connect(flags, env);
    const usage = await client.usageGet({});
    const limited = [
      ['images', usage.images],
      ['machines', usage.machines],
      ['images being made', usage.builds],
      ['GB stored', usage.stored_gb],
      ['GB of kept disks', usage.kept_gb],
    ] as const;
    const rows = [
      ...limited.map(([what, { used, limit }]) => [what, used, limit]),
      ['GB of disks', usage.disks_gb, null],
      ['GB reserved', usage.reserved_gb, null],
      ['MB of memory', usage.memory_mb, null],
      ['processors', usage.cpus, null],
    ];
    print(terminal, flags, usage, table(['WHAT', 'USED', 'LIMIT'], rows, terminal.columns));
  });
}
