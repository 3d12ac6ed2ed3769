// silversmith image list|show|capture|install|assign|undo|delete|restore|protect|storage|dependents

import type { Command } from 'commander';
import { NoAnswerError } from '../../client/client.ts';
import { waitForImage } from '../../client/wait.ts';
import type { Answer } from '../../contract/table.ts';
import type { Environment } from '../../lib/environment.ts';
import { mb, print, type Terminal, table } from '../output.ts';
import { words } from '../parse.ts';
import { connect, type Remote, remoteOptions, waiting } from './context.ts';
import { idOf, idsOf } from './name.ts';
import { type Paged, pageOptions, printPages } from './pages.ts';
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
  const noun = program
    .command('image')
    .description(
      'images: what machines are started from; each is given by its id or its exact name',
    );

  pageOptions(remoteOptions(noun.command('list').description('list the images, newest first')))
    .option('-q, --search <text>', 'only names that contain the text', words(200, { search: true }))
    .option('--deleted', 'instead those deleted that can be brought back')
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
        (images) => table(headings, images.map(row)),
      );
    });

  remoteOptions(
    noun.command('show <image>').description('show an image and the steps of its creation'),
  )
    .option('--log', 'with what each step printed')
    .action(async (id: string, flags: Remote & { log?: boolean }) => {
      const client = await connect(flags, env);
      const found = { id: await idOf(client, 'image', id) };
      const image = await client.imageGet(found);
      const { steps, report } = await client.imageLog(found);
      const lines = [table(headings, [row(image)])];
      if (image.attributes.status_reason) lines.push('', image.attributes.status_reason);
      for (const step of steps) {
        lines.push(
          '',
          `Step ${step.position}: ${step.name}. Cache: ${step.cache}${step.exit_code === null ? '' : `, exit status ${step.exit_code}, ${step.duration_ms} ms`}`,
        );
        if (flags.log) lines.push(step.output.trimEnd());
      }
      if (report !== null) lines.push('', 'Report:', report);
      print(terminal, flags, { ...image, steps, report }, lines.join('\n'));
    });

  remoteOptions(
    noun.command('storage <image>').description('show what an image takes, and its layers'),
  ).action(async (id: string, flags: Remote) => {
    const client = await connect(flags, env);
    const sizes = await client.imageStorage({ id: await idOf(client, 'image', id) });
    const rows = [
      ['a machine sees', mb(sizes.virtual_bytes)],
      ['stored', mb(sizes.stored_bytes)],
      ['exclusive', mb(sizes.exclusive_bytes)],
      ['shared', mb(sizes.shared_bytes)],
      ...sizes.layers.map((layer) => [`layer ${layer.id} (${layer.kind})`, mb(layer.stored_bytes)]),
    ];
    print(terminal, flags, sizes, table(['WHAT', 'MB'], rows));
  });

  remoteOptions(
    noun
      .command('dependents <image>')
      .description('list what hangs on an image, and what its deletion would free'),
  ).action(async (id: string, flags: Remote) => {
    const client = await connect(flags, env);
    const found = await client.imageDependents({ id: await idOf(client, 'image', id) });
    const rows = [
      ...found.machines.map((one) => [
        'machine',
        one.id,
        one.name,
        one.disk ? 'its disk stands on it' : 'assigned',
      ]),
      ...found.images.map((one) => ['image', one.id, one.name, 'made on top of it']),
    ];
    const rest = `${found.kept_disks} kept disks stand on it; its deletion would free ${mb(found.freed_bytes)} MB at once.`;
    print(terminal, flags, found, `${table(['WHAT', 'ID', 'NAME', 'HOW'], rows)}\n${rest}`);
  });

  remoteOptions(
    noun
      .command('undo <image> [machines...]')
      .description('take an assignment back; machines get what they had before'),
  ).action(async (image: string, machines: string[], flags: Remote) => {
    const client = await connect(flags, env);
    const id = await idOf(client, 'image', image);
    const ids = await idsOf(client, 'machine', machines);
    const answer = await client.imageAssignUndo({
      id,
      ...(ids.length > 0 && { machine_ids: ids }),
    });
    print(
      terminal,
      flags,
      answer,
      `${answer.count} machines have what they had before image ${id}.`,
    );
  });

  remoteOptions(
    noun
      .command('restore <image>')
      .description('bring a deleted image back (see: image list --deleted)'),
  ).action(async (id: string, flags: Remote) => {
    const client = await connect(flags, env);
    const image = await client.imageRestore({ id: await idOf(client, 'deleted image', id) });
    const again = `Machines to which it is assigned again: ${image.count}.`;
    print(terminal, flags, image, `${table(headings, [row(image)])}\n${again}`);
  });

  remoteOptions(noun.command('protect <image>').description('refuse the deletion of an image'))
    .option('--off', 'end the protection')
    .action(async (id: string, flags: Remote & { off?: boolean }) => {
      const client = await connect(flags, env);
      const image = await client.imageProtect({
        id: await idOf(client, 'image', id),
        protected: !flags.off,
      });
      print(
        terminal,
        flags,
        image,
        `Image ${image.id} is ${image.attributes.protected ? '' : 'not '}protected.`,
      );
    });

  transferCommands(noun, terminal, env);

  const settled = async (image: Image, flags: Remote) => {
    const client = await connect(flags, env);
    const last =
      flags.wait === false
        ? image
        : await waiting(terminal, (options) =>
            waitForImage(client, image.attributes.id, options),
          ).catch((error) => {
            if (error instanceof NoAnswerError)
              terminal.err(
                `Image ${image.id} is made all the same when the server is back: silversmith image show ${image.id}`,
              );
            throw error;
          });
    print(terminal, flags, last, table(headings, [row(last)]));
    if (last.attributes.status !== 'failed') return;
    terminal.err(last.attributes.status_reason ?? 'The image failed.');
    terminal.exitCode = 1;
  };

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
      const client = await connect(flags, env);
      await settled(
        await client.imageCapture({
          machine_id: await idOf(client, 'machine', machine),
          ...(flags.generalize && { generalize: true }),
          ...(flags.name !== undefined && { name: flags.name }),
        }),
        flags,
      );
    });

  remoteOptions(
    noun
      .command('install [software...]')
      .description(
        'create an image from a base image and software (ids or names; see: silversmith software list)',
      ),
  )
    .option('--name <name>', 'name of the image', words(30))
    .option('--base <base>', 'base image, by id or name; default: the newest')
    .option('--no-wait', 'return at once')
    .action(async (software: string[], flags: Remote & { name?: string; base?: string }) => {
      const client = await connect(flags, env);
      const input = {
        ...(flags.name !== undefined && { name: flags.name }),
        ...(software.length > 0 && { software_ids: await idsOf(client, 'software', software) }),
        ...(flags.base !== undefined && {
          base_image_id: await idOf(client, 'base image', flags.base),
        }),
      };
      await settled(await client.imageInstall(input), flags);
    });

  remoteOptions(
    noun
      .command('assign <image> <machines...>')
      .description('assign an image to machines; their disks are recreated at their next start'),
  ).action(async (image: string, machines: string[], flags: Remote) => {
    const client = await connect(flags, env);
    const id = await idOf(client, 'image', image);
    const ids = await idsOf(client, 'machine', machines);
    const answer = await client.imageAssign({ id, machine_ids: ids });
    print(
      terminal,
      flags,
      answer,
      `Image ${id} is assigned to ${new Set(ids).size} machine(s); start them to recreate their disks.`,
    );
  });

  remoteOptions(
    noun
      .command('delete <image>')
      .description('delete an image; machines that run on it keep working'),
  ).action(async (image: string, flags: Remote) => {
    const client = await connect(flags, env);
    const id = await idOf(client, 'image', image);
    print(terminal, flags, await client.imageDelete({ id }), `Image ${id} is deleted.`);
  });
}
