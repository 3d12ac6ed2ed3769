// silversmith machine show

import type { Command } from 'commander';
import { connect, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { outcomesOf, printOutcomes } from './each.ts';
import { type Machine, machineTable } from './machine-table.ts';
import { type Selecting, select, several } from './selection.ts';

export function machineShowCommand(noun: Command, { terminal, env }: RemoteContext): void {
  several(remoteOptions(noun.command('show').description('show machines')), '[machines...]').action(
    async (given: string[], flags: Remote & Selecting) => {
      const client = await connect(flags, env);
      const { things, isSingle } = await select(client, 'machine', given, flags);
      const outcomes = await outcomesOf(things, ({ id }) => client.machineGet({ id }));
      await printOutcomes(outcomes, {
        ...{ terminal, flags, noun: 'machine', isSingle },
        answer: (machine) => machine,
        human: (machines) => machineTable(terminal, machines) + (isSingle ? rest(machines[0]) : ''),
      });
    },
  );
}

/** The text below the table of one machine, with what the table has no room for. */
function rest(machine: Machine | undefined): string {
  const reason = machine?.attributes.status_reason ?? '';
  // The table shows the first line of a reason; its other lines follow the table.
  const lines = reason.includes('\n') ? `\n\n${reason}` : '';
  const place = machine?.attributes.place;
  return (place == null ? '' : `\n\nIts disk is on the host ${place}.`) + lines;
}
