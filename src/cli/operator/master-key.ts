// silversmith master-key rotate

import { join } from 'node:path';
import type { Command } from 'commander';
import { masterKeyRotate } from '../../app/operator/master-key.ts';
import type { Local, OperatorContext } from './context.ts';

export function masterKeyCommands(
  master: Command,
  { local, withStore, print, terminal }: OperatorContext,
): void {
  local(
    master
      .command('rotate')
      .description('seal every secret under a new master key; the server must be stopped')
      .addHelpText(
        'after',
        '\nWith SILVERSMITH_MASTER_KEY set, put the new key before the old one, divided by a comma, and type this: all is sealed under the first.',
      ),
  ).action((flags: Local) =>
    withStore(flags, async ({ operator, masterKey, config }) => {
      const { exclusive } = await import('../../server/exclusive.ts');
      const inFile = config.masterKey === undefined;
      const { id, keys } = await masterKeyRotate(operator, {
        ring: masterKey,
        file: inFile ? join(config.dataDir, 'master.key') : null,
        lock: () => exclusive(config),
      });
      if (inFile && config.databaseUrl !== null)
        terminal.err('master-key: copy the new master.key to every server of this database.');
      const under = inFile ? `the new master key ${id}` : `the first master key, ${id}`;
      print(flags, { id, keys }, `${keys} keys are sealed under ${under}.`);
    }),
  );
}
