// silversmith machine delete|undelete

import type { Command } from 'commander';
import { type Confirming, confirmOptions, count, type Loss, listed } from '../confirm.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { deleteEach } from './deletion.ts';
import { outcomesOf, printOutcomes } from './each.ts';
import { keptHelp, withDisks, written } from './machine-disk.ts';
import { machineTable } from './machine-table.ts';
import type { Named } from './name.ts';
import { type Selecting, select, several } from './selection.ts';

export function machineDeleteCommands(noun: Command, context: RemoteContext): void {
  deleteCommand(noun, context);
  undeleteCommand(noun, context);
}

function lossOf(things: readonly Named[], disks: Awaited<ReturnType<typeof withDisks>>): Loss {
  const { says, bytes } = written(disks);
  const machines = count(things.length, 'machine');
  return {
    does: `Delete ${listed('machine', things)}`,
    losses: [
      `${machines}, with the links that open ${things.length === 1 ? 'it' : 'them'}.`,
      ...(disks.length === 0 ? [] : [`${count(disks.length, 'disk')} with ${says}.`]),
    ],
    undo: `It can be undone while the disks are kept: silversmith machine undelete. ${keptHelp}`,
    numbers: { machines: things.length, disks: disks.length, written_bytes: bytes },
  };
}

function deleteCommand(noun: Command, { terminal, env }: RemoteContext): void {
  confirmOptions(
    several(
      remoteOptions(
        noun
          .command('delete')
          .description('delete machines that are off; their disks are kept for a while'),
      ),
      '[machines...]',
    ),
  ).action(async (words: string[], flags: Remote & Selecting & Confirming) => {
    const client = await connect(flags, env);
    const selection = await select(client, 'machine', words, flags);
    const { things } = selection;
    await deleteEach(selection, {
      ...{ terminal, flags, noun: 'machine' },
      loss: async () => lossOf(things, await withDisks(client, things)),
      remove: (id) => client.machineDelete({ id }),
      undo: 'To undo while the disks are kept: silversmith machine undelete',
    });
  });
}

function undeleteCommand(noun: Command, { terminal, env }: RemoteContext): void {
  several(
    remoteOptions(
      noun
        .command('undelete')
        .description('bring deleted machines back as they were (see: machine list --deleted)'),
    ),
    '[machines...]',
  ).action(async (words: string[], flags: Remote & Selecting) => {
    const client = await connect(flags, env);
    const { things, isSingle } = await select(client, 'deleted machine', words, flags);
    const outcomes = await outcomesOf(things, ({ id }) => client.machineUndelete({ id }));
    await printOutcomes(outcomes, {
      ...{ terminal, flags, noun: 'machine', isSingle },
      answer: (machine) => machine,
      human: (machines) => machineTable(terminal, machines),
    });
  });
}
