// silversmith usage

import type { Command } from 'commander';
import type { Environment } from '../../lib/environment.ts';
import { print, type Terminal, table } from '../output.ts';
import { connect, type Remote, remoteOptions } from './context.ts';

export function usageCommand(program: Command, terminal: Terminal, env: Environment): void {
  remoteOptions(
    program.command('usage').description('what the organisation has and may have'),
  ).action(async (flags: Remote) => {
    const client = await connect(flags, env);
    const usage = await client.usageGet({});
    const rows = [
      ['images', usage.images],
      ['machines', usage.machines],
      ['images being made', usage.builds],
      ['GB stored', usage.stored_gb],
      ['GB of kept disks', usage.kept_gb],
    ] as const;
    print(
      terminal,
      flags,
      usage,
      table(
        ['WHAT', 'USED', 'LIMIT'],
        [
          ...rows.map(([what, { used, limit }]) => [what, used, limit]),
          ['GB of disks', usage.disks_gb, null],
        ],
      ),
    );
  });
}
