// silversmith image list|show|storage|dependents. The verbs that change images have files of
// their own.

import type { Command } from 'commander';
import { exitCode } from '../exit.ts';
import { mb, print, printLong } from '../output.ts';
import { words } from '../parse.ts';
import { table } from '../table.ts';
import { connect, connection, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { imageColumns, imageTable } from './image-table.ts';
import { idOf } from './name.ts';
import { type Paged, pageOptions, printPages } from './pages.ts';
import type { settledImage } from './settle.ts';

export function imageCommands(noun: Command, context: RemoteContext): void {
  listCommand(noun, context);
  showCommand(noun, context);
  storageCommand(noun, context);
  dependentsCommand(noun, context);
}

function listCommand(noun: Command, { terminal, env }: RemoteContext): void {
  pageOptions(remoteOptions(noun.command('list').description('list the images, newest first')))
    .option('-q, --search <text>', 'only names that contain the text', words(200, { search: true }))
    .option('--deleted', 'list the deleted images that can be brought back')
    .action(async (flags: Remote & Paged & { search?: string; deleted?: boolean }) => {
      const client = await connect(flags, env);
      const only = {
        ...(flags.search && { q: flags.search }),
        ...(flags.deleted && { deleted: true }),
      };
      await printPages(
        { terminal, flags },
        'images',
        (query) => client.imageList({ ...query, ...only }),
        imageColumns,
      );
    });
}

function showCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun.command('show <image>').description('show an image and the steps of its creation'),
  )
    .option('--log', 'with what each step printed')
    .option('--wait', 'show how it is being made, and wait until it is')
    .action(async (given: string, flags: Remote & { log?: boolean }) => {
      const { client, server } = await connection(flags, env);
      const id = await idOf(client, 'image', given);
      const image = flags.wait
        ? await madeImage(client, id, { terminal, server })
        : await client.imageGet({ id });
      const { steps, running, report } = await client.imageLog({ id });
      const lines = [imageTable(terminal, [image])];
      if (image.attributes.status_reason) lines.push('', image.attributes.status_reason);
      for (const step of steps) {
        const ran =
          step.exit_code === null ? '' : `, exit status ${step.exit_code}, ${step.duration_ms} ms`;
        lines.push('', `Step ${step.position}: ${step.name}. Cache: ${step.cache}${ran}`);
        lines.push(...step.warnings.map((warning) => `  Warning: ${warning}`));
        if (flags.log) lines.push(step.output.trimEnd());
      }
      if (running !== null) {
        const { position, name, output } = running;
        lines.push('', `${position === null ? '' : `Step ${position}: `}${name} runs.`);
        if (flags.log) lines.push(output.trimEnd());
      }
      if (report !== null) lines.push('', 'Report:', report);
      const answer = { ...image, steps, running, report };
      await printLong(terminal, flags.json ? JSON.stringify(answer, null, 2) : lines.join('\n'));
      if (flags.wait && image.attributes.status === 'failed')
        terminal.exitCode = exitCode('failed');
    });
}

/** Loads what waits, which the other verbs of this file do without. */
const madeImage: typeof settledImage = async (...given) =>
  (await import('./settle.ts')).settledImage(...given);

function storageCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun.command('storage <image>').description('show what an image takes, and its layers'),
  ).action(async (given: string, flags: Remote) => {
    const client = await connect(flags, env);
    const sizes = await client.imageStorage({ id: await idOf(client, 'image', given) });
    const rows = [
      ['a machine sees', mb(sizes.virtual_bytes)],
      ['stored', mb(sizes.stored_bytes)],
      ['exclusive', mb(sizes.exclusive_bytes)],
      ['shared', mb(sizes.shared_bytes)],
      ...sizes.layers.map((layer) => [`layer ${layer.id} (${layer.kind})`, mb(layer.stored_bytes)]),
    ];
    print(terminal, flags, sizes, table(['WHAT', 'MB'], rows, terminal.columns));
  });
}

function dependentsCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun
      .command('dependents <image>')
      .description('list what hangs on an image, and what its deletion would free'),
  ).action(async (given: string, flags: Remote) => {
    const client = await connect(flags, env);
    const found = await client.imageDependents({ id: await idOf(client, 'image', given) });
    const rows = [
      ...found.machines.map((one) => [
        ...['machine', one.id, one.name],
        one.disk ? 'its disk stands on it' : 'assigned',
      ]),
      ...found.images.map((one) => ['image', one.id, one.name, 'made on top of it']),
    ];
    const rest = `${found.kept_disks} kept disks stand on it; its deletion would free ${mb(found.freed_bytes)} MB at once.`;
    print(
      terminal,
      flags,
      found,
      `${table(['WHAT', 'ID', 'NAME', 'HOW'], rows, terminal.columns)}\n${rest}`,
    );
  });
}
