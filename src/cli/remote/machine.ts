// silversmith machine list|show|access|console|disks|restore|create|start|stop|reset

import { type Command, Option } from 'commander';
import type { Client } from '../../client/client.ts';
import { waitForMachine } from '../../client/wait.ts';
import type { Answer } from '../../contract/table.ts';
import type { Environment } from '../../lib/environment.ts';
import { mb, print, type Terminal, table } from '../output.ts';
import { duration, whole, words } from '../parse.ts';
import { connect, type Remote, remoteOptions, waiting } from './context.ts';
import { idOf, idsOf } from './name.ts';
import { type Paged, pageOptions, printPages } from './pages.ts';

type Machine = Answer<'machineGet'>;

const headings = ['ID', 'NAME', 'STATUS', 'DISK GB', 'IMAGE', 'PENDING', 'REASON'];
const row = ({ attributes: machine }: Machine) => [
  ...[machine.id, machine.name, machine.friendly_status, machine.disk_size],
  ...[
    machine.assigned_image_name,
    machine.assignment_pending ? 'at next start' : null,
    machine.status_reason,
  ],
];

export function machineCommands(program: Command, terminal: Terminal, env: Environment): Command {
  const noun = program
    .command('machine')
    .description('machines: what runs on images; each is given by its id or its exact name');

  pageOptions(remoteOptions(noun.command('list').description('list the machines')))
    .option('-q, --search <text>', 'only names that contain the text', words(200, { search: true }))
    .action(async (flags: Remote & Paged & { search?: string }) => {
      const client = await connect(flags, env);
      await printPages(
        { terminal, flags },
        'machines',
        (query) => client.machineList({ ...query, ...(flags.search && { q: flags.search }) }),
        (machines) => table(headings, machines.map(row)),
      );
    });

  remoteOptions(noun.command('show <machine>').description('show a machine')).action(
    async (id: string, flags: Remote) => {
      const client = await connect(flags, env);
      const machine = await client.machineGet({ id: await idOf(client, 'machine', id) });
      const reason = machine.attributes.status_reason ?? '';
      const whole = reason.includes('\n') ? `\n\n${reason}` : '';
      print(terminal, flags, machine, table(headings, [row(machine)]) + whole);
    },
  );

  remoteOptions(
    noun.command('access <machine>').description('make a link that opens a ready machine once'),
  )
    .addOption(
      new Option('--expires <duration>', 'how long it is good, such as 15m or 1h')
        .argParser(duration('1s', '24h'))
        .default(3600_000, '1h'),
    )
    .action(async (id: string, flags: Remote & { expires: number }) => {
      const client = await connect(flags, env);
      const link = await client.machineAccess({
        id: await idOf(client, 'machine', id),
        expires_in: Math.round(flags.expires / 1000),
      });
      const { connection_link, expires_at } = link.attributes;
      print(terminal, flags, link, `${connection_link}\nGood once, until ${expires_at}.`);
    });

  remoteOptions(
    noun
      .command('console <machine>')
      .description('show what its console showed when its last failed start was given up'),
  ).action(async (id: string, flags: Remote) => {
    const client = await connect(flags, env);
    const answer = await client.machineConsole({ id: await idOf(client, 'machine', id) });
    const { shown, kept_at } = answer.attributes;
    const nothing = 'No start of this machine has failed, so nothing is kept of its console.';
    print(
      terminal,
      flags,
      answer,
      shown === null ? nothing : `${shown.trimEnd()}\nKept at ${kept_at}.`,
    );
  });

  remoteOptions(
    noun.command('disks <machine>').description('list the disk of a machine and those set aside'),
  ).action(async (id: string, flags: Remote) => {
    const client = await connect(flags, env);
    const answer = await client.machineDiskList({ id: await idOf(client, 'machine', id) });
    const rows = answer.disks.map(({ attributes: disk }) => [
      ...[
        disk.id,
        disk.state,
        disk.image_id,
        disk.stored_bytes === null ? '' : mb(disk.stored_bytes),
      ],
      ...[disk.created_at, disk.kept_until],
    ]);
    print(
      terminal,
      flags,
      answer,
      table(['DISK', 'STATE', 'IMAGE', 'MB', 'MADE', 'KEPT UNTIL'], rows),
    );
  });

  remoteOptions(
    noun
      .command('restore <machine>')
      .description('put a disk that was set aside back; the one in its place is set aside'),
  )
    .option(
      '--disk <disk>',
      'which (see: machine disks); default: the one set aside last',
      words(100),
    )
    .action(async (id: string, flags: Remote & { disk?: string }) => {
      const client = await connect(flags, env);
      const machine = await client.machineRestore({
        id: await idOf(client, 'machine', id),
        ...(flags.disk && { disk_id: flags.disk }),
      });
      print(terminal, flags, machine, table(headings, [row(machine)]));
    });

  remoteOptions(noun.command('create').description('create machines'))
    .requiredOption(
      '--type <type>',
      'machine type, by id or name (see: silversmith machine-type list)',
    )
    .option('--quantity <number>', 'how many', whole(1, 100), 1)
    .option('--software <software...>', 'software to install first, by id or name')
    .option('--base <base>', 'base image, by id or name')
    .action(
      async (
        flags: Remote & { type: string; quantity: number; software?: string[]; base?: string },
      ) => {
        const client = await connect(flags, env);
        const answer = await client.machineCreate({
          plan_id: await idOf(client, 'machine type', flags.type),
          quantity: flags.quantity,
          ...(flags.software && { software_ids: await idsOf(client, 'software', flags.software) }),
          ...(flags.base !== undefined && {
            base_image_id: await idOf(client, 'base image', flags.base),
          }),
        });
        print(terminal, flags, answer, table(headings, answer.machines.map(row)));
      },
    );

  const settled = async (client: Client, id: number, wanted: 'ready' | 'off', flags: Remote) => {
    const machine =
      flags.wait === false
        ? await client.machineGet({ id })
        : await waiting(terminal, (options) => waitForMachine(client, id, options));
    print(terminal, flags, machine, table(headings, [row(machine)]));
    if (flags.wait !== false && machine.attributes.friendly_status !== wanted) {
      terminal.err(
        machine.attributes.status_reason ??
          `Machine ${id} is ${machine.attributes.friendly_status}.`,
      );
      terminal.exitCode = 1;
    }
  };

  remoteOptions(noun.command('start <machine>').description('start a machine'))
    .option('--no-wait', 'return at once')
    .action(async (machine: string, flags: Remote) => {
      const client = await connect(flags, env);
      const id = await idOf(client, 'machine', machine);
      await client.machineStart({ id });
      await settled(client, id, 'ready', flags);
    });

  remoteOptions(noun.command('stop <machine>').description('stop a machine'))
    .option('--gracefully', 'give the guest longer to shut down by itself')
    .option('--no-wait', 'return at once')
    .action(async (machine: string, flags: Remote & { gracefully?: boolean }) => {
      const client = await connect(flags, env);
      const id = await idOf(client, 'machine', machine);
      await client.machineStop({ id, ...(flags.gracefully && { gracefully: true }) });
      await settled(client, id, 'off', flags);
    });

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
  return noun;
}
