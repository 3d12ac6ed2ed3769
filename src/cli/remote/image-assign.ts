// silversmith image assign|undo

import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import {
  type Confirming,
  confirmed,
  confirmOptions,
  count,
  idRanges,
  type Loss,
  listed,
} from '../confirm.ts';
import { print } from '../output.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { allOf } from './each.ts';
import { keptHelp, withDisks, written } from './machine-disk.ts';
import { idOf, type Named } from './name.ts';
import { fromOption, type Selecting, select, several } from './selection.ts';

export function imageAssignCommands(noun: Command, context: RemoteContext): void {
  assignCommand(noun, context);
  undoCommand(noun, context);
}

/** The disks that machines lose when they get another one, at their next start or at once. */
async function lossOf(
  client: Client,
  does: string,
  machines: readonly Named[],
  undo: string,
): Promise<Loss> {
  const lost = await withDisks(client, machines);
  const inUse = (
    await allOf(machines, async ({ id }) => (await client.machineGet({ id })).attributes)
  ).filter(({ friendly_status: status }) => status !== 'off');
  const { says, bytes } = written(lost);
  const use =
    inUse.length === 0 ? [] : [`${count(inUse.length, 'machine')} in use until they are stopped.`];
  return {
    does,
    losses: lost.length === 0 ? [] : [`${count(lost.length, 'disk')} with ${says}.`, ...use],
    undo: `It can be undone: ${undo}. ${keptHelp}`,
    numbers: {
      machines: machines.length,
      in_use: inUse.length,
      disks: lost.length,
      written_bytes: bytes,
    },
  };
}

function assignCommand(noun: Command, { terminal, env }: RemoteContext): void {
  confirmOptions(
    several(
      remoteOptions(
        noun
          .command('assign')
          .description('assign an image to machines; their disks are recreated at their next start')
          .argument('<image>', 'image, by id or name'),
      ),
      '[machines...]',
    ),
  ).action(async (image: string, words: string[], flags: Remote & Selecting & Confirming) => {
    const client = await connect(flags, env);
    const id = await idOf(client, 'image', image);
    const { things } = await select(client, 'machine', words, flags);
    const ids = things.map((one) => one.id);
    const undo = `silversmith image undo ${id} ${idRanges(ids)}`;
    const does = `Assign image ${id} to ${listed('machine', things)}, at their next start`;
    const isSure = flags.yes === true && !flags.dryRun;
    if (!isSure && !(await confirmed(terminal, flags, await lossOf(client, does, things, undo))))
      return;
    const answer = await client.imageAssign({ id, machine_ids: ids });
    print(
      terminal,
      flags,
      answer,
      `Image ${id} is assigned to ${ids.length} machine(s); start them to recreate their disks.`,
    );
    if (!flags.json) terminal.err(`To undo: ${undo}`);
  });
}

/** The machines to which an image is assigned. */
const assignedTo = async (client: Client, id: number): Promise<Named[]> =>
  (await client.imageDependents({ id })).machines.filter((one) => one.assigned);

function undoCommand(noun: Command, { terminal, env }: RemoteContext): void {
  confirmOptions(
    remoteOptions(
      noun
        .command('undo')
        .description('take an assignment back; machines get what they had before')
        .argument('<image>', 'image, by id or name')
        .argument('[machines...]', 'default: all to which it is assigned'),
    ).addOption(fromOption()),
  ).action(async (image: string, words: string[], flags: Remote & Selecting & Confirming) => {
    const client = await connect(flags, env);
    const id = await idOf(client, 'image', image);
    const isSome = words.length > 0 || flags.from !== undefined;
    const chosen = isSome ? (await select(client, 'machine', words, flags)).things : null;
    if (flags.dryRun || !flags.yes) {
      const machines = chosen ?? (await assignedTo(client, id));
      const does = `Give ${listed('machine', machines)} what they had before image ${id}`;
      const loss = await lossOf(client, does, machines, 'silversmith machine restore');
      if (!(await confirmed(terminal, flags, loss))) return;
    }
    const only = chosen === null ? {} : { machine_ids: chosen.map((one) => one.id) };
    const answer = await client.imageAssignUndo({ id, ...only });
    const said = `${answer.count} machines have what they had before image ${id}.`;
    print(terminal, flags, answer, said);
  });
}
