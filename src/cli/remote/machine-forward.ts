// silversmith machine forward

import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { pause } from '../../client/retry.ts';
import type { Answer } from '../../contract/table.ts';
import { print } from '../output.ts';
import { type Parser, refuse, UsageError, whole } from '../parse.ts';
import { table } from '../table.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { idOf } from './name.ts';

type Forward = Answer<'machineForwardList'>['forwards'][number];

const portMax = 65_535;
/** How often, and how many times, a new port is looked at until it is open. */
const [pollMs, looksMax] = [500, 30];

interface Ports {
  port: number;
  guest_port: number;
  address?: string;
}

const isPort = (port: number) => port >= 1 && port <= portMax;

const ports: Parser<Ports> = (text) => {
  const [, address, port, guest] = /^(?:([\d.]+):)?(\d{1,5}):(\d{1,5})$/.exec(text) ?? [];
  const given = { port: Number(port), guest_port: Number(guest), ...(address && { address }) };
  return isPort(given.port) && isPort(given.guest_port)
    ? given
    : refuse('Give a port of the host and one of the machine, such as 2222:22 or 0.0.0.0:2222:22.');
};

interface Flags extends Remote {
  udp?: boolean;
  remove?: number;
}

export function machineForwardCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun
      .command('forward <machine>')
      .description(
        'let a port of the host lead to a machine, such as 2222:22 for ssh; without one, list them',
      ),
  )
    .argument('[ports]', 'port of the host, and of the machine', ports)
    .option('--udp', 'a port of UDP instead of TCP')
    .option('--remove <port>', 'close this port of the host', whole(1, portMax))
    .action(async (given: string, asked: Ports | undefined, flags: Flags) => {
      const { remove, udp = false } = flags;
      if (asked && remove !== undefined)
        throw new UsageError('--remove closes a port; leave the ports to open out.');
      const client = await connect(flags, env);
      const id = await idOf(client, 'machine', given);
      const protocol = udp ? 'udp' : 'tcp';
      if (asked) {
        const added = await client.machineForwardAdd({ id, ...asked, protocol });
        const forward = await opened(client, id, added);
        if (forward.attributes.fault !== null)
          throw new UsageError(forward.attributes.fault, 'failed');
        return print(terminal, flags, forward, sentence(id, forward));
      }
      const { forwards } = await client.machineForwardList({ id });
      if (remove === undefined)
        return print(terminal, flags, { forwards }, shown(forwards, terminal.columns));
      const found = forwards.find(
        ({ attributes: one }) => one.port === remove && one.protocol === protocol,
      );
      if (!found)
        throw new UsageError(
          `Port ${remove}/${protocol} does not lead to machine ${id}; see: silversmith machine forward ${id}`,
          'not_found',
        );
      const answer = await client.machineForwardRemove({ id, forward: found.attributes.id });
      print(
        terminal,
        flags,
        answer,
        `Port ${remove}/${protocol} does not lead to machine ${id} any more.`,
      );
    });
}

/** The forward when it is open or cannot be opened; as it is, when its machine is not on. */
async function opened(client: Client, id: number, added: Forward): Promise<Forward> {
  let forward = added;
  for (let looks = 0; looks < looksMax; looks++) {
    if (forward.attributes.open || forward.attributes.fault !== null) return forward;
    const { attributes: machine } = await client.machineGet({ id });
    if (machine.friendly_status !== 'ready') return forward;
    await pause(pollMs);
    const { forwards } = await client.machineForwardList({ id });
    forward = forwards.find((one) => one.id === added.id) ?? forward;
  }
  return forward;
}

const sentence = (id: number, { attributes: one }: Forward): string => {
  const leads = `${one.address}:${one.port}/${one.protocol}`;
  return one.open
    ? `${leads} leads to port ${one.guest_port} of machine ${id}.`
    : `${leads} leads to port ${one.guest_port} of machine ${id} when the machine is on.`;
};

const shown = (forwards: readonly Forward[], columns: number | undefined): string =>
  table(
    ['ADDRESS', 'PORT', 'PROTOCOL', 'MACHINE PORT', 'OPEN', 'FAULT'],
    forwards.map(({ attributes: one }) => [
      ...[one.address, one.port, one.protocol, one.guest_port],
      ...[one.open ? 'yes' : 'no', one.fault ?? ''],
    ]),
    columns,
  );
