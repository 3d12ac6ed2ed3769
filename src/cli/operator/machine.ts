// silversmith machine exec

import type { Command } from 'commander';
import { machineExec } from '../../app/operator/machine.ts';
import type { MachineId } from '../../domain/ids.ts';
import { UsageError } from '../parse.ts';
import { pick } from '../remote/name.ts';
import type { Both, OperatorContext } from './context.ts';

export function machineCommands(
  machine: Command,
  { both, withDesk, terminal }: OperatorContext,
): void {
  both(
    machine
      .command('exec <machine> <command...>')
      .description(
        'run a command inside a machine, as its root, and exit with its status (operators only); -- may stand before it',
      ),
  )
    .allowUnknownOption()
    .passThroughOptions()
    .action((given: string, words: string[], flags: Both) =>
      withDesk(flags, async (desk) => {
        // Commander passes on what follows the machine as it is, also the end of the options.
        const command = words[0] === '--' ? words.slice(1) : words;
        if (command.length === 0)
          throw new UsageError('There is no command after --; give a command to run.');
        const id = await pick('machine', given, () => desk.machineList());
        const result = await desk.machineExec(id, command);
        if (flags.json) terminal.out(JSON.stringify(result, null, 2));
        else {
          if (result.stdout !== '') terminal.out(result.stdout.trimEnd());
          if (result.stderr !== '') terminal.err(result.stderr.trimEnd());
        }
        terminal.exitCode = result.exitCode;
      }),
    );
}

/**
 * Runs a shell script inside a machine, for the tour; null where the engine runs no guests. Only
 * the operator can, on the server's own host.
 */
export const lookInside = (
  { withStore }: OperatorContext,
  machineId: number,
  script: string,
  dataDir: string | undefined,
): Promise<string | null> =>
  withStore({ dataDir }, async ({ operator, openEngine }) => {
    const engine = await openEngine();
    if (!engine.exec) return null;
    const command = ['/bin/sh', '-c', script];
    const id = machineId as MachineId;
    const { stdout, stderr } = await machineExec(operator, engine, id, command);
    return stdout + stderr;
  });
