// The command line: builds the program, runs it, and turns an error into one sentence and an exit
// status.

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { machineExec } from '../app/operator/machine.ts';
import { explain } from '../cli/explain.ts';
import { catalogueLocal, operatorCommands } from '../cli/operator/commands.ts';
import { type OperatorContext, operatorContext } from '../cli/operator/context.ts';
import { serveCommand } from '../cli/operator/serve.ts';
import { processTerminal, showing, type Terminal } from '../cli/output.ts';
import { baseCommands } from '../cli/remote/base.ts';
import { imageCommands } from '../cli/remote/image.ts';
import { machineCommands } from '../cli/remote/machine.ts';
import { machineTypeCommands } from '../cli/remote/machine-type.ts';
import { softwareCommands } from '../cli/remote/software.ts';
import { type LookInside, tourCommand } from '../cli/remote/tour.ts';
import { usageCommand } from '../cli/remote/usage.ts';
import type { MachineId } from '../domain/ids.ts';
import type { Environment } from '../lib/environment.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);

/**
 * Runs a command and resolves to its exit status. `argv` is that of a process: two words come
 * before the first argument.
 */
export async function main(
  argv: readonly string[],
  given: Terminal = processTerminal(),
  env: Environment = process.env,
): Promise<number> {
  const terminal = showing(given);
  const program = new Command('silversmith')
    .description('A self-hosted image service for fleets of computers.')
    .version(version, '-V, --version', 'print the version')
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for what there is)')
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .exitOverride();
  serveCommand(program, terminal, env);
  const operator = operatorContext(terminal, env);
  const remote = { terminal, env, listLocal: catalogueLocal(operator) };
  imageCommands(program, remote);
  const nouns = {
    machine: machineCommands(program, remote),
    software: softwareCommands(program, remote),
    base: baseCommands(program, remote),
    'machine-type': machineTypeCommands(program, remote),
  };
  operatorCommands(program, nouns, operator);
  usageCommand(program, remote);
  tourCommand(program, remote, lookInside(operator));
  program
    .command('openapi')
    .description('print the OpenAPI document')
    .action(async () => {
      const { openApiDocument } = await import('../contract/print/openapi.ts');
      terminal.out(JSON.stringify(openApiDocument(), null, 2));
    });
  try {
    await program.parseAsync(argv);
    return terminal.exitCode;
  } catch (error) {
    return explain(error, terminal, env);
  }
}

/**
 * Runs a script inside a machine, for the tour. Only the operator can, on the server's own host.
 */
const lookInside =
  ({ withStore }: OperatorContext): LookInside =>
  (machineId, script, dataDir) =>
    withStore({ dataDir }, async ({ operator, openEngine }) => {
      const engine = await openEngine();
      if (!engine.exec) return null;
      const command = ['/bin/sh', '-c', script];
      const { stdout, stderr } = await machineExec(
        operator,
        engine,
        machineId as MachineId,
        command,
      );
      return stdout + stderr;
    });
