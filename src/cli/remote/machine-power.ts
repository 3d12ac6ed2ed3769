// silversmith machine start|stop

import type { Command } from 'commander';
import type { Client } from '../../client/client.ts';
import { connection, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { type Outcome, outcomesOf, printOutcomes } from './each.ts';
import { stateOf, type Waiting } from './follow.ts';
import { type Machine, machineTable } from './machine-table.ts';
import type { Named } from './name.ts';
import { type Selecting, type Selection, select, several } from './selection.ts';
import { assertSettled, settledMachines } from './settle.ts';

export function machinePowerCommands(noun: Command, context: RemoteContext): void {
  startCommand(noun, context);
  stopCommand(noun, context);
}

const waitOption = (command: Command): Command =>
  command.option('--no-wait', 'return at once, instead of when they have started or stopped');

function startCommand(noun: Command, context: RemoteContext): void {
  waitOption(
    several(remoteOptions(noun.command('start').description('start machines')), '[machines...]'),
  ).action(async (words: string[], flags: Remote & Selecting) => {
    const { client, server } = await connection(flags, context.env);
    const selection = await select(client, 'machine', words, flags);
    const start = ({ id }: Named) => client.machineStart({ id });
    await turn(client, selection, start, 'ready', flags, { terminal: context.terminal, server });
  });
}

function stopCommand(noun: Command, context: RemoteContext): void {
  waitOption(
    several(remoteOptions(noun.command('stop').description('stop machines')), '[machines...]'),
  )
    .option('--gracefully', 'give the guests longer to shut down by themselves')
    .action(async (words: string[], flags: Remote & Selecting & { gracefully?: boolean }) => {
      const { client, server } = await connection(flags, context.env);
      const selection = await select(client, 'machine', words, flags);
      const gently = flags.gracefully ? { gracefully: true } : {};
      const stop = ({ id }: Named) => client.machineStop({ id, ...gently });
      await turn(client, selection, stop, 'off', flags, { terminal: context.terminal, server });
    });
}

/** Turns machines on or off, waits for them unless told not to, and prints what came of each. */
async function turn(
  client: Client,
  { things, isSingle }: Selection,
  begin: (thing: Named) => Promise<unknown>,
  wanted: 'ready' | 'off',
  flags: Remote,
  waiting: Waiting,
): Promise<void> {
  const { terminal } = waiting;
  const begun = await outcomesOf(things, begin);
  const going = begun.filter((one) => one.ok).map(({ thing }) => thing);
  const settled = new Map<number, Outcome<Machine>>();
  if (flags.wait === false) {
    const now = await outcomesOf(going, ({ id }) => client.machineGet({ id }));
    for (const one of now) settled.set(one.thing.id, one);
  } else if (going.length > 0) {
    const last = await settledMachines(client, going, waiting);
    const outcomes = await outcomesOf(going, async ({ id }) =>
      assertSettled(stateOf(last, id), wanted),
    );
    for (const one of outcomes) settled.set(one.thing.id, one);
    // A table shows also the machines that are not as they were wanted.
    const others = going.flatMap(({ id }) => {
      const found = last.get(id);
      return settled.get(id)?.ok === false && found && 'state' in found ? [found.state] : [];
    });
    const shown = flags.json
      ? others.filter(() => isSingle).map((one) => JSON.stringify(one, null, 2))
      : [machineTable(terminal, others)];
    if (others.length > 0 && shown.length > 0) terminal.out(shown.join('\n'));
  }
  const outcomes = begun.map((one): Outcome<Machine> => {
    if (!one.ok) return one;
    const error = new Error('its state is not known');
    return settled.get(one.thing.id) ?? { thing: one.thing, ok: false, error };
  });
  await printOutcomes(outcomes, {
    ...{ terminal, flags, noun: 'machine', isSingle },
    answer: (machine) => machine,
    human: (machines) => machineTable(terminal, machines),
  });
}
