// silversmith machine policy

import { type Command, Option } from 'commander';
import { duration, UsageError } from '../parse.ts';
import { connection, type Remote, type RemoteContext, remoteOptions } from './context.ts';
import { outcomesOf, printOutcomes } from './each.ts';
import { policyOf } from './machine-table.ts';
import { type Selecting, select, several } from './selection.ts';

/** As the contract has them. */
const crashPolicies = ['off', 'restart'] as const;

interface Policy {
  autoStop?: number;
  onCrash?: (typeof crashPolicies)[number];
}

const autoStop = (text: string) => (text === 'never' ? 0 : duration('1m', '365d')(text));

export function machinePolicyCommand(noun: Command, { terminal, env }: RemoteContext): void {
  several(
    remoteOptions(
      noun
        .command('policy')
        .description('say when machines stop by themselves, and whether they start again'),
    ),
    '[machines...]',
  )
    .addOption(
      new Option(
        '--auto-stop <duration>',
        'stop after so long without use, such as 30m or 2h; never: stay on',
      ).argParser(autoStop),
    )
    .addOption(
      new Option('--on-crash <policy>', 'what follows when the guest has died').choices(
        crashPolicies,
      ),
    )
    .action(async (given: string[], flags: Remote & Selecting & Policy) => {
      const { autoStop: stopMs, onCrash } = flags;
      if (stopMs === undefined && onCrash === undefined)
        throw new UsageError('Give --auto-stop or --on-crash, or both.');
      const { client } = await connection(flags, env);
      const { things, isSingle } = await select(client, 'machine', given, flags);
      const body = {
        ...(stopMs !== undefined && { auto_stop_threshold: stopMs / 1000 }),
        ...(onCrash !== undefined && { crash_policy: onCrash }),
      };
      const outcomes = await outcomesOf(things, ({ id }) =>
        client.machinePolicySet({ id, ...body }),
      );
      await printOutcomes(outcomes, {
        ...{ terminal, flags, noun: 'machine', isSingle },
        answer: (machine) => machine,
        human: (machines) =>
          machines.map((one) => `Machine ${one.attributes.id} ${policyOf(one)}`).join('\n'),
      });
    });
}
