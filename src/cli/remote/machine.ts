// silversmith machine list|show|access|console|disks|restore|create|start|stop|reset

import { type Command, Option } from 'commander';
import type { Client } from '../../client/client.ts';
import { waitForMachine } from '../../client/wait.ts';
import { mb, print } from '../output.ts';
import { duration, whole, words } from '../parse.ts';
import { table } from '../table.ts';
import { connect, type Remote, type RemoteContext, remoteOptions, waiting } from './context.ts';
import { machineColumns, machineTable } from './machine-table.ts';
import { idOf, idsOf } from './name.ts';
import { type Paged, pageOptions, printPages } from './pages.ts';

export function machineCommands(noun: Command, context: RemoteContext): void {
  listCommand(noun, context);
  showCommand(noun, context);
  accessCommand(noun, context);
  consoleCommand(noun, context);
  disksCommand(noun, context);
  restoreCommand(noun, context);
  createCommand(noun, context);
  startCommand(noun, context);
  stopCommand(noun, context);
  resetCommand(noun, context);
}

function listCommand(noun: Command, { terminal, env }: RemoteContext): void {
  pageOptions(remoteOptions(noun.command('list').description('list the machines')))
    .option('-q, --search <text>', 'only names that contain the text', words(200, { search: true }))
    .action(async (flags: Remote & Paged & { search?: string }) => {
      const client = await connect(flags, env);
      await printPages(
        { terminal, flags },
        'machines',
        (query) => client.machineList({ ...query, ...(flags.search && { q: flags.search }) }),
        machineColumns,
      );
    });
}

function showCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(noun.command('show <machine>').description('show a machine')).action(
    async (given: string, flags: Remote) => {
      const client = await connect(flags, env);
      const machine = await client.machineGet({ id: await idOf(client, 'machine', given) });
      const reason = machine.attributes.status_reason ?? '';
      // The table shows the first line of a reason; its other lines follow the table.
      const rest = reason.includes('\n') ? `\n\n${reason}` : '';
      const { place } = machine.attributes;
      const where = place == null ? '' : `\n\nIts disk is on the host ${place}.`;
      print(terminal, flags, machine, machineTable(terminal, [machine]) + where + rest);
    },
  );
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

function consoleCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun
      .command('console <machine>')
      .description('show what its console showed when its last failed start was given up'),
  ).action(async (given: string, flags: Remote) => {
    const client = await connect(flags, env);
    const answer = await client.machineConsole({ id: await idOf(client, 'machine', given) });
    const { shown, kept_at } = answer.attributes;
    const said =
      shown === null
        ? 'No start of this machine has failed, so nothing is kept of its console.'
        : `${shown.trimEnd()}\nKept at ${kept_at}.`;
    print(terminal, flags, answer, said);
  });
}

function disksCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun.command('disks <machine>').description('list the disk of a machine and its kept disks'),
  ).action(async (given: string, flags: Remote) => {
    const client = await connect(flags, env);
    const answer = await client.machineDiskList({ id: await idOf(client, 'machine', given) });
    const rows = answer.disks.map(({ attributes: disk }) => [
      ...[disk.id, disk.state, disk.image_id],
      disk.stored_bytes === null ? '' : mb(disk.stored_bytes),
      ...[disk.created_at, disk.kept_until],
    ]);
    const headings = ['DISK', 'STATE', 'IMAGE', 'MB', 'MADE', 'KEPT UNTIL'];
    print(terminal, flags, answer, table(headings, rows, terminal.columns));
  });
}

function restoreCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun
      .command('restore <machine>')
      .description('put a kept disk back; the disk in its place is kept instead'),
  )
    .option('--disk <disk>', 'which (see: machine disks); default: the disk kept last', words(100))
    .action(async (given: string, flags: Remote & { disk?: string }) => {
      const client = await connect(flags, env);
      const machine = await client.machineRestore({
        id: await idOf(client, 'machine', given),
        ...(flags.disk && { disk_id: flags.disk }),
      });
      print(terminal, flags, machine, machineTable(terminal, [machine]));
    });
}

interface Created {
  type: string;
  quantity: number;
  software?: string[];
  base?: string;
}

function createCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(noun.command('create').description('create machines'))
    .requiredOption(
      '--type <type>',
      'machine type, by id or name (see: silversmith machine-type list)',
    )
    .option('--quantity <number>', 'how many', whole(1, 100), 1)
    .option('--software <software...>', 'software to install first, by id or name')
    .option('--base <base>', 'base image, by id or name')
    .action(async (flags: Remote & Created) => {
      const client = await connect(flags, env);
      const answer = await client.machineCreate({
        plan_id: await idOf(client, 'machine type', flags.type),
        quantity: flags.quantity,
        ...(flags.software && { software_ids: await idsOf(client, 'software', flags.software) }),
        ...(flags.base !== undefined && {
          base_image_id: await idOf(client, 'base image', flags.base),
        }),
      });
      print(terminal, flags, answer, machineTable(terminal, answer.machines));
    });
}

function startCommand(noun: Command, context: RemoteContext): void {
  remoteOptions(noun.command('start <machine>').description('start a machine'))
    .option('--no-wait', 'return at once')
    .action(async (machine: string, flags: Remote) => {
      const client = await connect(flags, context.env);
      const id = await idOf(client, 'machine', machine);
      await client.machineStart({ id });
      await printWhenSettled(client, id, 'ready', flags, context);
    });
}

function stopCommand(noun: Command, context: RemoteContext): void {
  remoteOptions(noun.command('stop <machine>').description('stop a machine'))
    .option('--gracefully', 'give the guest longer to shut down by itself')
    .option('--no-wait', 'return at once')
    .action(async (machine: string, flags: Remote & { gracefully?: boolean }) => {
      const client = await connect(flags, context.env);
      const id = await idOf(client, 'machine', machine);
      await client.machineStop({ id, ...(flags.gracefully && { gracefully: true }) });
      await printWhenSettled(client, id, 'off', flags, context);
    });
}

function resetCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun
      .command('reset <machine>')
      .description('discard the disk; the next start begins from the image'),
  ).action(async (machine: string, flags: Remote) => {
    const client = await connect(flags, env);
    const id = await idOf(client, 'machine', machine);
    const answer = await client.machineReset({ id });
    print(terminal, flags, answer, `Machine ${id} is reset; start it to give it a new disk.`);
  });
}

/** Waits for a machine's final status unless told not to, prints it, sets the exit status. */
async function printWhenSettled(
  client: Client,
  id: number,
  wanted: 'ready' | 'off',
  flags: Remote,
  { terminal }: RemoteContext,
): Promise<void> {
  const machine =
    flags.wait === false
      ? await client.machineGet({ id })
      : await waiting(terminal, (options) => waitForMachine(client, id, options));
  print(terminal, flags, machine, machineTable(terminal, [machine]));
  const { friendly_status: status, status_reason: reason } = machine.attributes;
  if (flags.wait === false || status === wanted) return;
  terminal.err(reason ?? `Machine ${id} is ${status}.`);
  terminal.exitCode = 1;
}
