// silversmith machine show

import type { Command } from 'commander';
import { gib } from '../../lib/gib.ts';
import { connection, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { outcomesOf, printOutcomes } from './each.ts';
import { stateOf } from './follow.ts';
import { type Machine, machineTable, policyOf } from './machine-table.ts';
import { type Selecting, select, several } from './selection.ts';
import { settledMachines } from './settle.ts';

export function machineShowCommand(noun: Command, { terminal, env }: RemoteContext): void {
  several(remoteOptions(noun.command('show').description('show machines')), '[machines...]')
    .option('--wait', 'show how their work goes on, and wait until they are on or off')
    .action(async (given: string[], flags: Remote & Selecting) => {
      const { client, server } = await connection(flags, env);
      const { things, isSingle } = await select(client, 'machine', given, flags);
      const last = flags.wait ? await settledMachines(client, things, { terminal, server }) : null;
      const outcomes = await outcomesOf(things, async ({ id }) =>
        last === null ? client.machineGet({ id }) : stateOf(last, id),
      );
      await printOutcomes(outcomes, {
        ...{ terminal, flags, noun: 'machine', isSingle },
        answer: (machine) => machine,
        human: (machines) => machineTable(terminal, machines) + (isSingle ? rest(machines[0]) : ''),
      });
    });
}

/** The text below the table of one machine, with what the table has no room for. */
function rest(machine: Machine | undefined): string {
  const reason = machine?.attributes.status_reason ?? '';
  // The table shows the first line of a reason; its other lines follow the table.
  const lines = reason.includes('\n') ? `\n\n${reason}` : '';
  const place = machine?.attributes.place;
  const { addresses = [] } = machine?.attributes ?? {};
  const restarts = machine?.attributes.restarts_at;
  return [
    place == null ? '' : `\n\nIts disk is on the host ${place}.`,
    addresses.length === 0 ? '' : `\n\nIts addresses, as it says: ${addresses.join(', ')}`,
    started(machine),
    rootSystem(machine),
    machine === undefined ? '' : `\n\nIt ${policyOf(machine)}`,
    restarts == null ? '' : ` It is started again at ${restarts}.`,
    lines,
  ].join('');
}

/** The root file system of its disk, where its guest has told it. */
function rootSystem(machine: Machine | undefined): string {
  const found = machine?.attributes.root_system;
  if (!found) return '';
  const { device, type, bytes, disk_bytes: diskBytes, unused } = found;
  const size = `${type} on ${device}, ${gib(bytes)} of a disk of ${gib(diskBytes)}`;
  // The table has it where nothing else is to be said.
  const more = unused === null || unused === machine?.attributes.status_reason ? '' : `\n${unused}`;
  return `\n\nIts root file system, as it says: ${size}.${more}`;
}

/** How it was last started, where that is known; older servers do not say it. */
function started(machine: Machine | undefined): string {
  const found = machine?.attributes.started;
  if (!found) return '';
  const how = found.from === 'memory' ? 'from memory' : 'cold';
  const because = found.because === null ? '' : `: ${found.because}`;
  return `\n\nStarted ${how} in ${(found.ms / 1000).toFixed(1)} s${because}.`;
}
