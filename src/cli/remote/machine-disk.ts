// silversmith machine disks|reset|restore

import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import type { Answer } from '../../contract/table.ts';
import {
  type Confirming,
  confirmed,
  confirmOptions,
  count,
  idRanges,
  type Loss,
  listed,
} from '../confirm.ts';
import { mb, print } from '../output.ts';
import { UsageError, words } from '../parse.ts';
import { table } from '../table.ts';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { allOf, outcomesOf, printOutcomes } from './each.ts';
import { machineTable } from './machine-table.ts';
import { idOf, type Named } from './name.ts';
import { type Selecting, select, several } from './selection.ts';

type Disk = Answer<'machineDiskList'>['disks'][number]['attributes'];

export function machineDiskCommands(noun: Command, context: RemoteContext): void {
  disksCommand(noun, context);
  restoreCommand(noun, context);
  resetCommand(noun, context);
}

function disksCommand(noun: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(
    noun.command('disks <machine>').description('list the disk of a machine and its kept disks'),
  ).action(async (given: string, flags: Remote) => {
    const client = await connect(flags, env);
    const answer = await client.machineDiskList({ id: await idOf(client, 'machine', given) });
    const rows = answer.disks.map(({ attributes: disk }) => [
      ...[disk.id, disk.state, disk.image_id],
      disk.stored_bytes === null ? '' : mb(disk.stored_bytes),
      ...[disk.created_at, disk.kept_until],
    ]);
    const headings = ['DISK', 'STATE', 'IMAGE', 'MB', 'MADE', 'KEPT UNTIL'];
    print(terminal, flags, answer, table(headings, rows, terminal.columns));
  });
}

/** The disk that a machine has now; null before its first start and after a reset. */
export async function diskOf(client: Client, id: number): Promise<Disk | null> {
  const { disks } = await client.machineDiskList({ id });
  return disks.find(({ attributes: { state } }) => state === 'active')?.attributes ?? null;
}

/** A machine with the disk that it would lose. */
interface WithDisk {
  thing: Named;
  disk: Disk;
}

/** Those of the machines that have a disk. */
export const withDisks = async (client: Client, things: readonly Named[]): Promise<WithDisk[]> =>
  (await allOf(things, async (thing) => ({ thing, disk: await diskOf(client, thing.id) }))).flatMap(
    ({ thing, disk }) => (disk === null ? [] : [{ thing, disk }]),
  );

/** What is on the disks of machines, in words and numbers. */
export function written(machines: readonly WithDisk[]): { says: string; bytes: number } {
  const bytes = machines.reduce((sum, { disk }) => sum + (disk.stored_bytes ?? 0), 0);
  const unknown = machines.filter(({ disk }) => disk.stored_bytes === null).length;
  const oldest = machines.map(({ disk }) => disk.created_at).sort()[0] ?? '';
  const size = unknown === machines.length ? 'what was' : `${mb(bytes)} MB`;
  const more = unknown === 0 ? '' : ` (not counted yet on ${count(unknown, 'disk')})`;
  return { says: `${size} written since ${oldest}${more}`, bytes };
}

export const keptHelp =
  'Replaced disks are kept for a while (72 hours unless the operator chose otherwise).';

const lossOfReset = (things: readonly Named[], lost: readonly WithDisk[]): Loss => {
  const { says, bytes } = written(lost);
  return {
    does: `Reset ${listed('machine', things)}`,
    losses: lost.length === 0 ? [] : [`${count(lost.length, 'disk')} with ${says}.`],
    undo: `It can be undone: silversmith machine restore. ${keptHelp}`,
    numbers: { machines: things.length, disks: lost.length, written_bytes: bytes },
  };
};

function resetCommand(noun: Command, { terminal, env }: RemoteContext): void {
  confirmOptions(
    several(
      remoteOptions(
        noun
          .command('reset')
          .description('discard the disks of machines; their next start begins from the image'),
      ),
      '[machines...]',
    ),
  ).action(async (given: string[], flags: Remote & Selecting & Confirming) => {
    const client = await connect(flags, env);
    const { things, isSingle } = await select(client, 'machine', given, flags);
    const lost = await withDisks(client, things);
    if (!(await confirmed(terminal, flags, lossOfReset(things, lost)))) return;
    const outcomes = await outcomesOf(things, async (thing) => ({
      thing,
      answer: await client.machineReset({ id: thing.id }),
    }));
    await printOutcomes(outcomes, {
      ...{ terminal, flags, noun: 'machine', isSingle },
      answer: ({ answer }) => answer,
      human: (done) =>
        done
          .map(({ thing }) => `Machine ${thing.id} is reset; start it to give it a new disk.`)
          .join('\n'),
    });
    if (flags.json || lost.length === 0) return;
    const { disks } = await client.machineDiskList({ id: lost[0]?.thing.id ?? 0 });
    const until = disks.find(({ attributes }) => attributes.kept_until)?.attributes.kept_until;
    const ids = idRanges(lost.map(({ thing }) => thing.id));
    if (until) terminal.err(`To undo until ${until}: silversmith machine restore ${ids}`);
  });
}

function restoreCommand(noun: Command, { terminal, env }: RemoteContext): void {
  several(
    remoteOptions(
      noun
        .command('restore')
        .description('put kept disks back; the disks in their places are kept instead'),
    ),
    '[machines...]',
  )
    .option('--disk <disk>', 'which (see: machine disks); default: the disk kept last', words(100))
    .action(async (given: string[], flags: Remote & Selecting & { disk?: string }) => {
      const client = await connect(flags, env);
      const { things, isSingle } = await select(client, 'machine', given, flags);
      if (flags.disk !== undefined && things.length > 1)
        throw new UsageError('--disk is a disk of one machine; name that machine alone.');
      const disk = flags.disk === undefined ? {} : { disk_id: flags.disk };
      const outcomes = await outcomesOf(things, ({ id }) => client.machineRestore({ id, ...disk }));
      await printOutcomes(outcomes, {
        ...{ terminal, flags, noun: 'machine', isSingle },
        answer: (machine) => machine,
        human: (machines) => machineTable(terminal, machines),
      });
    });
}
