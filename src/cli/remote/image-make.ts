// silversmith image capture|install: images that are made of a machine, or of a base and software.

import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { print } from '../output.ts';
import { UsageError, words } from '../parse.ts';
import { connection, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import type { Waiting } from './follow.ts';
import { type Image, imageTable } from './image-table.ts';
import { idOf, idsOf } from './name.ts';
import { settledImage } from './settle.ts';

export function imageMakeCommands(noun: Command, context: RemoteContext): void {
  captureCommand(noun, context);
  installCommand(noun, context);
}

function captureCommand(noun: Command, context: RemoteContext): void {
  remoteOptions(
    noun.command('capture <machine>').description('create an image from a machine that is off'),
  )
    .option('--name <name>', 'name of the image', words(30))
    .option(
      '--generalize',
      'take away what identifies the machine: ids, host keys, logs, histories',
    )
    .option('--no-wait', 'return at once')
    .action(async (machine: string, flags: Remote & { name?: string; generalize?: boolean }) => {
      const { client, server } = await connection(flags, context.env);
      const image = await client.imageCapture({
        machine_id: await idOf(client, 'machine', machine),
        ...(flags.generalize && { generalize: true }),
        ...(flags.name !== undefined && { name: flags.name }),
      });
      await printWhenMade(client, image, flags, { terminal: context.terminal, server });
    });
}

function installCommand(noun: Command, context: RemoteContext): void {
  remoteOptions(
    noun
      .command('install [software...]')
      .description(
        'create an image from a base image and software (ids or names; see: silversmith software list)',
      ),
  )
    .option('--name <name>', 'name of the image', words(30))
    .option('--base <base>', 'base image, by id or name; default: the newest that works')
    .option('--refresh', 'make the steps that reach the network anew, and what stands on them')
    .option('--no-wait', 'return at once')
    .action(
      async (
        software: string[],
        flags: Remote & { name?: string; base?: string; refresh?: boolean },
      ) => {
        const { client, server } = await connection(flags, context.env);
        const image = await client.imageInstall({
          ...(flags.name !== undefined && { name: flags.name }),
          ...(flags.refresh && { refresh: true }),
          ...(software.length > 0 && { software_ids: await idsOf(client, 'software', software) }),
          ...(flags.base !== undefined && {
            base_image_id: await idOf(client, 'base image', flags.base),
          }),
        });
        await printWhenMade(client, image, flags, { terminal: context.terminal, server });
      },
    );
}

/** Waits until an image is made, unless told not to, and prints it; sets the exit status. */
async function printWhenMade(
  client: Client,
  image: Image,
  flags: Remote,
  waiting: Waiting,
): Promise<void> {
  const { terminal } = waiting;
  const last =
    flags.wait === false ? image : await settledImage(client, image.attributes.id, waiting);
  print(terminal, flags, last, imageTable(terminal, [last]));
  if (last.attributes.status === 'failed')
    throw new UsageError(last.attributes.status_reason ?? 'The image failed.', 'failed');
}
