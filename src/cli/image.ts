// silversmith image list|show|capture|install|assign|undo|delete|restore|protect|storage|dependents

import type { Command } from 'commander';
import { waitForImage } from '../client/wait.ts';
import type { Answer } from '../wire/operations.ts';
import { connect, type Environment, parseId, parseIds, print, type Remote, remoteOptions, waiting } from './context.ts';
import { mb, type Terminal, table } from './output.ts';
import { transferCommands } from './transfer.ts';

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
    .option('--deleted', 'instead those deleted that can be brought back')
    .option('--page <number>', 'page', parseId, 1)
    .option('--per-page <number>', 'images on a page', parseId, 20)
    .action(async (flags: Remote & { search?: string; deleted?: boolean; page: number; perPage: number }) => {
      const client = await connect(flags, env);
      const answer = await client.imageList({
        page: flags.page,
        per_page: flags.perPage,
        ...(flags.search && { q: flags.search }),
        ...(flags.deleted && { deleted: true }),
      });
      print(terminal, flags, answer, table(headings, answer.images.map(row)));
    });

  remoteOptions(noun.command('show <id>').description('show an image and the steps of its creation'))
    .option('--log', 'with what each step printed')
    .action(async (id: string, flags: Remote & { log?: boolean }) => {
      const client = await connect(flags, env);
      const image = await client.imageGet({ id: parseId(id) });
      const { steps, report } = await client.imageLog({ id: parseId(id) });
      const lines = [table(headings, [row(image)])];
      if (image.attributes.status_reason) lines.push('', image.attributes.status_reason);
      for (const step of steps) {
        lines.push(
          '',
          `Step ${step.position}: ${step.name}. Cache: ${step.cache}${step.exit_code === null ? '' : `, exit status ${step.exit_code}, ${step.duration_ms} ms`}`,
        );
        if (flags.log) lines.push(step.output.trimEnd());
      }
      if (report !== null) lines.push('', 'Generalised:', report);
      print(terminal, flags, { ...image, steps, report }, lines.join('\n'));
    });

  remoteOptions(noun.command('storage <id>').description('show what an image takes, and its layers')).action(
    async (id: string, flags: Remote) => {
      const client = await connect(flags, env);
      const sizes = await client.imageStorage({ id: parseId(id) });
      const rows = [
        ['a machine sees', mb(sizes.virtual_bytes)],
        ['stored', mb(sizes.stored_bytes)],
        ['exclusive', mb(sizes.exclusive_bytes)],
        ['shared', mb(sizes.shared_bytes)],
        ...sizes.layers.map((layer) => [`layer ${layer.id} (${layer.kind})`, mb(layer.stored_bytes)]),
      ];
      print(terminal, flags, sizes, table(['WHAT', 'MB'], rows));
    },
  );

  remoteOptions(
    noun.command('dependents <id>').description('list what hangs on an image, and what its deletion would free'),
  ).action(async (id: string, flags: Remote) => {
    const client = await connect(flags, env);
    const found = await client.imageDependents({ id: parseId(id) });
    const rows = [
      ...found.machines.map((one) => ['machine', one.id, one.name, one.disk ? 'its disk stands on it' : 'assigned']),
      ...found.images.map((one) => ['image', one.id, one.name, 'made on top of it']),
    ];
    const rest = `${found.kept_disks} kept disks stand on it; its deletion would free ${mb(found.freed_bytes)} MB at once.`;
    print(terminal, flags, found, `${table(['WHAT', 'ID', 'NAME', 'HOW'], rows)}\n${rest}`);
  });

  remoteOptions(
    noun.command('undo <id> [machines...]').description('take an assignment back; machines get what they had before'),
  ).action(async (id: string, machines: string[], flags: Remote) => {
    const client = await connect(flags, env);
    const answer = await client.imageAssignUndo({
      id: parseId(id),
      ...(machines.length > 0 && { machine_ids: parseIds(machines) }),
    });
    print(terminal, flags, answer, `${answer.count} machines have what they had before image ${id}.`);
  });

  remoteOptions(
    noun.command('restore <id>').description('bring a deleted image back (see: image list --deleted)'),
  ).action(async (id: string, flags: Remote) => {
    const client = await connect(flags, env);
    const image = await client.imageRestore({ id: parseId(id) });
    const again = `Machines to which it is assigned again: ${image.count}.`;
    print(terminal, flags, image, `${table(headings, [row(image)])}\n${again}`);
  });

  remoteOptions(noun.command('protect <id>').description('refuse the deletion of an image'))
    .option('--off', 'end the protection')
    .action(async (id: string, flags: Remote & { off?: boolean }) => {
      const client = await connect(flags, env);
      const image = await client.imageProtect({ id: parseId(id), protected: !flags.off });
      print(terminal, flags, image, `Image ${id} is ${image.attributes.protected ? '' : 'not '}protected.`);
    });

  transferCommands(noun, terminal, env);

  const settled = async (image: Image, flags: Remote) => {
    const client = await connect(flags, env);
    const last =
      flags.wait === false
        ? image
        : await waiting(terminal, (options) => waitForImage(client, image.attributes.id, options));
    print(terminal, flags, last, table(headings, [row(last)]));
    if (last.attributes.status !== 'failed') return;
    terminal.err(last.attributes.status_reason ?? 'The image failed.');
    terminal.exitCode = 1;
  };

  remoteOptions(noun.command('capture <machine>').description('create an image from a machine that is off'))
    .option('--name <name>', 'name of the image')
    .option('--generalize', 'take away what identifies the machine: ids, host keys, logs, histories')
    .option('--no-wait', 'return at once')
    .action(async (machine: string, flags: Remote & { name?: string; generalize?: boolean }) => {
      const client = await connect(flags, env);
      await settled(
        await client.imageCapture({
          machine_id: parseId(machine),
          ...(flags.generalize && { generalize: true }),
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
