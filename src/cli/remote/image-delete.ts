// silversmith image delete|restore|protect

import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { type Confirming, confirmOptions, count, type Loss, listed } from '../confirm.ts';
import { mb } from '../output.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { deleteEach } from './deletion.ts';
import { allOf, outcomesOf, printOutcomes } from './each.ts';
import { imageTable } from './image-table.ts';
import type { Named } from './name.ts';
import { type Selecting, select, several } from './selection.ts';

export function imageDeleteCommands(noun: Command, context: RemoteContext): void {
  deleteCommand(noun, context);
  restoreCommand(noun, context);
  protectCommand(noun, context);
}

/** What the deletion of images takes away, and what hangs on them. */
async function lossOf(client: Client, things: readonly Named[]): Promise<Loss> {
  const found = await allOf(things, ({ id }) => client.imageDependents({ id }));
  const machines = found.flatMap((one) => one.machines);
  const assigned = machines.filter((one) => one.assigned).length;
  const running = machines.filter((one) => one.disk).length;
  const above = found.reduce((sum, one) => sum + one.images.length, 0);
  const kept = found.reduce((sum, one) => sum + one.kept_disks, 0);
  const freed = found.reduce((sum, one) => sum + one.freed_bytes, 0);
  return {
    does: `Delete ${listed('image', things)}`,
    losses: [
      `${count(assigned, 'machine')} it is assigned to; they get a base at their next reset.`,
      `${count(running, 'machine')}, ${count(above, 'image')} and ${count(kept, 'kept disk')} stand on it, and keep working.`,
      `${mb(freed)} MB are free at once.`,
    ],
    undo: 'It can be undone while its bytes are kept: silversmith image restore.',
    numbers: {
      images: things.length,
      machines_assigned: assigned,
      machines_on_it: running,
      images_on_it: above,
      kept_disks: kept,
      freed_bytes: freed,
    },
  };
}

function deleteCommand(noun: Command, { terminal, env }: RemoteContext): void {
  confirmOptions(
    several(
      remoteOptions(
        noun.command('delete').description('delete images; machines that run on them keep working'),
      ),
      '[images...]',
    ),
  ).action(async (words: string[], flags: Remote & Selecting & Confirming) => {
    const client = await connect(flags, env);
    const selection = await select(client, 'image', words, flags);
    await deleteEach(selection, {
      ...{ terminal, flags, noun: 'image' },
      loss: () => lossOf(client, selection.things),
      remove: (id) => client.imageDelete({ id }),
      undo: 'To undo while they are kept: silversmith image restore',
    });
  });
}

function restoreCommand(noun: Command, { terminal, env }: RemoteContext): void {
  several(
    remoteOptions(
      noun.command('restore').description('bring deleted images back (see: image list --deleted)'),
    ),
    '[images...]',
  ).action(async (words: string[], flags: Remote & Selecting) => {
    const client = await connect(flags, env);
    const { things, isSingle } = await select(client, 'deleted image', words, flags);
    const outcomes = await outcomesOf(things, ({ id }) => client.imageRestore({ id }));
    await printOutcomes(outcomes, {
      ...{ terminal, flags, noun: 'image', isSingle },
      answer: (image) => image,
      human: (images) => {
        const again = images.reduce((sum, one) => sum + one.count, 0);
        return `${imageTable(terminal, images)}\nMachines to which they are assigned again: ${again}.`;
      },
    });
  });
}

function protectCommand(noun: Command, { terminal, env }: RemoteContext): void {
  several(
    remoteOptions(noun.command('protect').description('protect images from deletion')),
    '[images...]',
  )
    .option('--off', 'end the protection')
    .action(async (words: string[], flags: Remote & Selecting & { off?: boolean }) => {
      const client = await connect(flags, env);
      const { things, isSingle } = await select(client, 'image', words, flags);
      const outcomes = await outcomesOf(things, ({ id }) =>
        client.imageProtect({ id, protected: !flags.off }),
      );
      await printOutcomes(outcomes, {
        ...{ terminal, flags, noun: 'image', isSingle },
        answer: (image) => image,
        human: (images) =>
          images
            .map(
              ({ id, attributes }) =>
                `Image ${id} is ${attributes.protected ? '' : 'not '}protected.`,
            )
            .join('\n'),
      });
    });
}
