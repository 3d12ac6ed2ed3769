// silversmith machine create

import type { Command } from 'commander';
import { print } from '../output.ts';
import { UsageError, whole } from '../parse.ts';
import { connection, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { allOf } from './each.ts';
import { machineTable } from './machine-table.ts';
import { idOf, idsOf } from './name.ts';
import { settledImage } from './settle.ts';

interface Created {
  type: string;
  quantity: number;
  software?: string[];
  base?: string;
}

export function machineCreateCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(noun.command('create').description('create machines'))
    .requiredOption(
      '--type <type>',
      'machine type, by id or name (see: silversmith machine-type list)',
    )
    .option('--quantity <number>', 'how many', whole(1, 100), 1)
    .option('--software <software...>', 'software to install first, by id or name')
    .option('--base <base>', 'base image, by id or name')
    .option('--no-wait', 'return at once, instead of when their image is made')
    .action(async (flags: Remote & Created) => {
      const { client, server } = await connection(flags, env);
      const answer = await client.machineCreate({
        plan_id: await idOf(client, 'machine type', flags.type),
        quantity: flags.quantity,
        ...(flags.software && { software_ids: await idsOf(client, 'software', flags.software) }),
        ...(flags.base !== undefined && {
          base_image_id: await idOf(client, 'base image', flags.base),
        }),
      });
      const silver = answer.silver_image;
      if (silver === undefined || flags.wait === false)
        return print(terminal, flags, answer, machineTable(terminal, answer.machines));
      const image = await settledImage(client, silver.attributes.id, { terminal, server });
      const ids = answer.machines.map(({ attributes: { id } }) => id);
      const machines = await allOf(ids, (id) => client.machineGet({ id }));
      const last = { ...answer, machines, silver_image: image };
      print(terminal, flags, last, machineTable(terminal, machines));
      const { status, status_reason: reason, id } = image.attributes;
      if (status === 'failed')
        throw new UsageError(reason ?? `Image ${id} of the machines failed.`, 'failed');
    });
}
