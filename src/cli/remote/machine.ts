// silversmith machine list|access. The other verbs have files of their own.

import { type Command, Option } from 'commander';
import { print } from '../output.ts';
import { duration, words } from '../parse.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { machineColumns } from './machine-table.ts';
import { idOf } from './name.ts';
import { type Paged, pageOptions, printPages } from './pages.ts';

export function machineCommands(noun: Command, context: RemoteContext): void {
  listCommand(noun, context);
  accessCommand(noun, context);
}

function listCommand(noun: Command, { terminal, env }: RemoteContext): void {
  pageOptions(remoteOptions(noun.command('list').description('list the machines')))
    .option('-q, --search <text>', 'only names that contain the text', words(200, { search: true }))
    .option('--deleted', 'list the deleted machines that can be brought back')
    .action(async (flags: Remote & Paged & { search?: string; deleted?: boolean }) => {
      const client = await connect(flags, env);
      const only = {
        ...(flags.search && { q: flags.search }),
        ...(flags.deleted && { deleted: true }),
      };
      await printPages(
        { terminal, flags },
        'machines',
        (query) => client.machineList({ ...query, ...only }),
        machineColumns,
      );
    });
}

function accessCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun.command('access <machine>').description('make a link that opens a ready machine once'),
  )
    .addOption(
      new Option('--expires <duration>', 'how long it is good, such as 15m or 1h')
        .argParser(duration('1s', '24h'))
        .default(3600_000, '1h'),
    )
    .action(async (given: string, flags: Remote & { expires: number }) => {
      const client = await connect(flags, env);
      const link = await client.machineAccess({
        id: await idOf(client, 'machine', given),
        expires_in: Math.round(flags.expires / 1000),
      });
      const { connection_link, expires_at } = link.attributes;
      print(terminal, flags, link, `${connection_link}\nGood once, until ${expires_at}.`);
    });
}
