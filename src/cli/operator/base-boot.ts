// The flags of base add that say how the guests of a base boot.

import { type Command, Option } from 'commander';
import {
  type AgentShell,
  agentShells,
  type Display,
  displays,
  type Firmware,
  firmwares,
  type GivenBoot,
  givenBoot,
  type StateCopy,
  stateCopies,
  usualAppend,
} from '../../domain/boot.ts';
import { UsageError, words } from '../parse.ts';

export interface BootFlags {
  append: string;
  buildAppend?: string;
  firmware?: Firmware;
  tpm?: boolean;
  stateCopy?: StateCopy;
  board?: string;
  recipes: 'seed' | 'agent';
  shell?: AgentShell;
  display?: Display;
}

export const bootOptions = (command: Command): Command =>
  command
    .option('--append <text>', 'kernel command line, for direct boot', usualAppend)
    .option(
      '--build-append <text>',
      "kernel arguments that make the initrd run the seed's user-data and power off",
    )
    .addOption(
      new Option(
        '--firmware <firmware>',
        'what starts the loader on the disk; default: the one that the disk is made for',
      ).choices(firmwares),
    )
    .option('--tpm', 'give its guests a TPM 2.0')
    .addOption(
      new Option(
        '--state-copy <which>',
        'the firmware state of an image that a fresh disk gets as a copy; default: variables',
      ).choices(stateCopies),
    )
    .option(
      '--board <board>',
      'the board of its guests; default: the newest of the host',
      words(40),
    )
    .addOption(
      new Option(
        '--recipes <how>',
        'how builds run recipes: seed (the system reads a NoCloud seed) or agent (the guest agent runs them)',
      )
        .choices(['seed', 'agent'])
        .default('seed'),
    )
    .addOption(
      new Option('--shell <shell>', 'in which shell the agent runs them').choices(agentShells),
    )
    .addOption(
      new Option(
        '--display <name>',
        'display of its machines; default: std, which needs no driver in the guest',
      ).choices(displays),
    );

/** `isDirect`: a kernel and an initrd are given. Throws for flags that contradict each other. */
export function bootOf({ recipes, shell, ...given }: BootFlags, isDirect: boolean): GivenBoot {
  if (shell !== undefined && recipes === 'seed')
    throw new UsageError('--shell is for recipes that the agent runs; give --recipes agent too.');
  const agentShell = recipes === 'agent' ? (shell ?? 'sh') : undefined;
  return givenBoot({ ...given, agentShell }, isDirect);
}
