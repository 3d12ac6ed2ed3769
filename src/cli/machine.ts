// silversmith machine list|show|access|disks|restore|create|start|stop|reset

import type { Command } from 'commander';
import type { Client } from '../client/client.ts';
import { waitForMachine } from '../client/wait.ts';
import type { Answer } from '../wire/operations.ts';
import {
  connect,
  type Environment,
  parseDurationMs,
  parseId,
  parseIds,
  print,
  type Remote,
  remoteOptions,
  waiting,
} from './context.ts';
import { mb, type Terminal, table } from './output.ts';

type Machine = Answer<'machineGet'>;

const headings = ['ID', 'NAME', 'STATUS', 'DISK GB', 'IMAGE', 'PENDING', 'REASON'];
const row = ({ attributes: machine }: Machine) => [
  ...[machine.id, machine.name, machine.friendly_status, machine.disk_size],
  ...[machine.assigned_image_name, machine.assignment_pending ? 'at next start' : null, machine.status_reason],
];

export function machineCommands(program: Command, terminal: Terminal, env: Environment): Command {
  const noun = program.command('machine').description('machines: what runs on images');

  remoteOptions(noun.command('list').description('list the machines'))
    .option('-q, --search <text>', 'only names that contain the text')
    .option('--page <number>', 'page', parseId, 1)
    .option('--per-page <number>', 'machines on a page', parseId, 20)
    .action(async (flags: Remote & { search?: string; page: number; perPage: number }) => {
      const client = await connect(flags, env);
      const answer = await client.machineList({
        page: flags.page,
        per_page: flags.perPage,
        ...(flags.search && { q: flags.search }),
      });
      print(terminal, flags, answer, table(headings, answer.machines.map(row)));
    });

  remoteOptions(noun.command('show <id>').description('show a machine')).action(async (id: string, flags: Remote) => {
    const client = await connect(flags, env);
    const machine = await client.machineGet({ id: parseId(id) });
    print(terminal, flags, machine, table(headings, [row(machine)]));
  });

  remoteOptions(noun.command('access <id>').description('make a link that opens a ready machine once'))
    .option('--expires <duration>', 'how long it is good, such as 15m or 1h', parseDurationMs, 3600_000)
    .action(async (id: string, flags: Remote & { expires: number }) => {
      const client = await connect(flags, env);
      const link = await client.machineAccess({ id: parseId(id), expires_in: Math.round(flags.expires / 1000) });
      const { connection_link, expires_at } = link.attributes;
      print(terminal, flags, link, `${connection_link}\nGood once, until ${expires_at}.`);
    });

  remoteOptions(noun.command('disks <id>').description('list the disk of a machine and those set aside')).action(
    async (id: string, flags: Remote) => {
      const client = await connect(flags, env);
      const answer = await client.machineDiskList({ id: parseId(id) });
      const rows = answer.disks.map(({ attributes: disk }) => [
        ...[disk.id, disk.state, disk.image_id, disk.stored_bytes === null ? '' : mb(disk.stored_bytes)],
        ...[disk.created_at, disk.kept_until],
      ]);
      print(terminal, flags, answer, table(['DISK', 'STATE', 'IMAGE', 'MB', 'MADE', 'KEPT UNTIL'], rows));
    },
  );

  remoteOptions(
    noun.command('restore <id>').description('put a disk that was set aside back; the one in its place is set aside'),
  )
    .option('--disk <disk>', 'which (see: machine disks); default: the one set aside last')
    .action(async (id: string, flags: Remote & { disk?: string }) => {
      const client = await connect(flags, env);
      const machine = await client.machineRestore({ id: parseId(id), ...(flags.disk && { disk_id: flags.disk }) });
      print(terminal, flags, machine, table(headings, [row(machine)]));
    });

  remoteOptions(noun.command('create').description('create machines'))
    .requiredOption('--plan <id>', 'plan (see: silversmith plan list)', parseId)
    .option('--quantity <number>', 'how many', parseId, 1)
    .option('--software <ids...>', 'software to install first')
    .option('--base <id>', 'base image', parseId)
    .action(async (flags: Remote & { plan: number; quantity: number; software?: string[]; base?: number }) => {
      const client = await connect(flags, env);
      const answer = await client.machineCreate({
        plan_id: flags.plan,
        quantity: flags.quantity,
        ...(flags.software && { software_ids: parseIds(flags.software) }),
        ...(flags.base !== undefined && { base_image_id: flags.base }),
      });
      print(terminal, flags, answer, table(headings, answer.machines.map(row)));
    });

  const settled = async (client: Client, id: number, wanted: 'ready' | 'off', flags: Remote) => {
    const machine =
      flags.wait === false
        ? await client.machineGet({ id })
        : await waiting(terminal, (options) => waitForMachine(client, id, options));
    print(terminal, flags, machine, table(headings, [row(machine)]));
    if (flags.wait !== false && machine.attributes.friendly_status !== wanted) {
      terminal.err(machine.attributes.status_reason ?? `Machine ${id} is ${machine.attributes.friendly_status}.`);
      terminal.exitCode = 1;
    }
  };

  remoteOptions(noun.command('start <id>').description('start a machine'))
    .option('--no-wait', 'return at once')
    .action(async (id: string, flags: Remote) => {
      const client = await connect(flags, env);
      await client.machineStart({ id: parseId(id) });
      await settled(client, parseId(id), 'ready', flags);
    });

  remoteOptions(noun.command('stop <id>').description('stop a machine'))
    .option('--gracefully', 'give the guest longer to shut down by itself')
    .option('--no-wait', 'return at once')
    .action(async (id: string, flags: Remote & { gracefully?: boolean }) => {
      const client = await connect(flags, env);
      await client.machineStop({ id: parseId(id), ...(flags.gracefully && { gracefully: true }) });
      await settled(client, parseId(id), 'off', flags);
    });

  remoteOptions(
    noun.command('reset <id>').description('discard the disk; the next start begins from the image'),
  ).action(async (id: string, flags: Remote) => {
    const client = await connect(flags, env);
    print(
      terminal,
      flags,
      await client.machineReset({ id: parseId(id) }),
      `Machine ${id} is reset; start it to give it a new disk.`,
    );
  });
  return noun;
}
