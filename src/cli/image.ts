// silversmith image list|show|capture|install|assign|delete

import type { Command } from 'commander';
import { waitForImage } from '../client/wait.ts';
import type { Answer } from '../wire/operations.ts';
import { connect, type Environment, parseId, parseIds, print, type Remote, remoteOptions, waiting } from './context.ts';
import { type Terminal, table } from './output.ts';

type Image = Answer<'imageGet'>;

const row = ({ attributes: image }: Image) => [
  image.id,
  image.name,
  image.size,
  image.status,
  image.source,
  image.softwares.map((one) => one.attributes.name).join(', '),
];
const headings = ['ID', 'NAME', 'GB', 'STATUS', 'SOURCE', 'SOFTWARE'];

export function imageCommands(program: Command, terminal: Terminal, env: Environment): void {
  const noun = program.command('image').description('images: what machines are started from');

  remoteOptions(noun.command('list').description('list the images, newest first'))
    .option('-q, --search <text>', 'only names that contain the text')
    .option('--page <number>', 'page', parseId, 1)
    .option('--per-page <number>', 'images on a page', parseId, 20)
    .action(async (flags: Remote & { search?: string; page: number; perPage: number }) => {
      const client = await connect(flags, env);
      const answer = await client.imageList({
        page: flags.page,
        per_page: flags.perPage,
        ...(flags.search && { q: flags.search }),
      });
      print(terminal, flags, answer, table(headings, answer.images.map(row)));
    });

  remoteOptions(noun.command('show <id>').description('show an image and the steps of its creation'))
    .option('--log', 'with what each step printed')
    .action(async (id: string, flags: Remote & { log?: boolean }) => {
      const client = await connect(flags, env);
      const image = await client.imageGet({ id: parseId(id) });
      const { steps } = await client.imageLog({ id: parseId(id) });
      const lines = [table(headings, [row(image)])];
      if (image.attributes.status_reason) lines.push('', image.attributes.status_reason);
      for (const step of steps) {
        lines.push(
          '',
          `Step ${step.position}: ${step.name}. Cache: ${step.cache}${step.exit_code === null ? '' : `, exit status ${step.exit_code}, ${step.duration_ms} ms`}`,
        );
        if (flags.log) lines.push(step.output.trimEnd());
      }
      print(terminal, flags, { ...image, steps }, lines.join('\n'));
    });

  const settled = async (image: Image, flags: Remote) => {
    const client = await connect(flags, env);
    const last =
      flags.wait === false
        ? image
        : await waiting(terminal, (options) => waitForImage(client, image.attributes.id, options));
    print(terminal, flags, last, table(headings, [row(last)]));
    if (last.attributes.status !== 'failed') return;
    terminal.err(last.attributes.status_reason ?? 'The image failed.');
    process.exitCode = 1;
  };

  remoteOptions(noun.command('capture <machine>').description('create an image from a machine that is off'))
    .option('--name <name>', 'name of the image')
    .option('--no-wait', 'return at once')
    .action(async (machine: string, flags: Remote & { name?: string }) => {
      const client = await connect(flags, env);
      await settled(
        await client.imageCapture({
          machine_id: parseId(machine),
          ...(flags.name !== undefined && { name: flags.name }),
        }),
        flags,
      );
    });

  remoteOptions(
    noun
      .command('install [software...]')
      .description('create an image from a base image and software (ids; see: silversmith software list)'),
  )
    .option('--name <name>', 'name of the image')
    .option('--base <id>', 'base image; default: the newest', parseId)
    .option('--no-wait', 'return at once')
    .action(async (software: string[], flags: Remote & { name?: string; base?: number }) => {
      const client = await connect(flags, env);
      const input = {
        ...(flags.name !== undefined && { name: flags.name }),
        ...(software.length > 0 && { software_ids: parseIds(software) }),
        ...(flags.base !== undefined && { base_image_id: flags.base }),
      };
      await settled(await client.imageInstall(input), flags);
    });

  remoteOptions(
    noun
      .command('assign <image> <machines...>')
      .description('assign an image to machines; their disks are recreated at their next start'),
  ).action(async (image: string, machines: string[], flags: Remote) => {
    const client = await connect(flags, env);
    const ids = parseIds(machines);
    const answer = await client.imageAssign({ id: parseId(image), machine_ids: ids });
    print(
      terminal,
      flags,
      answer,
      `Image ${image} is assigned to ${ids.length} machine(s); start them to recreate their disks.`,
    );
  });

  remoteOptions(
    noun.command('delete <id>').description('delete an image; machines that run on it keep working'),
  ).action(async (id: string, flags: Remote) => {
    const client = await connect(flags, env);
    print(terminal, flags, await client.imageDelete({ id: parseId(id) }), `Image ${id} is deleted.`);
  });
}
