// silversmith machine delete|undelete

import type { Command } from 'commander';
import {
  type Confirming,
  confirmed,
  confirmOptions,
  count,
  idRanges,
  type Loss,
  listed,
} from '../confirm.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
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
    const { things, isSingle } = await select(client, 'machine', words, flags);
    const isSure = flags.yes === true && !flags.dryRun;
    const disks = isSure ? [] : await withDisks(client, things);
    if (!isSure && !(await confirmed(terminal, flags, lossOf(things, disks)))) return;
    const outcomes = await outcomesOf(things, async (thing) => ({
      thing,
      answer: await client.machineDelete({ id: thing.id }),
    }));
    await printOutcomes(outcomes, {
      ...{ terminal, flags, noun: 'machine', isSingle },
      answer: ({ answer }) => answer,
      human: (done) => done.map(({ thing }) => `Machine ${thing.id} is deleted.`).join('\n'),
    });
    const gone = outcomes.filter((one) => one.ok).map(({ thing }) => thing.id);
    if (!flags.json && gone.length > 0)
      terminal.err(
        `To undo while the disks are kept: silversmith machine undelete ${idRanges(gone)}`,
      );
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
