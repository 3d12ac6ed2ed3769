// The command line: builds the program, runs it, and turns an error into one sentence and an exit
// status.

import { Command, CommanderError, Help } from 'commander';
import { processTerminal, showing, type Terminal } from '../cli/output.ts';
import type { Environment } from '../lib/environment.ts';
import { addCommands, words } from './commands.ts';
import { versionLine } from './version.ts';

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
  try {
    const program = programOf(terminal);
    await addCommands(program, argv.slice(2), terminal, env);
    addOpenApi(program, terminal);
    await program.parseAsync(argv);
    return terminal.exitCode;
  } catch (error) {
    // Commander has printed its own message already.
    if (error instanceof CommanderError) return error.exitCode;
    const { explain } = await import('../cli/explain.ts');
    return explain(error, terminal, env);
  }
}

const programOf = (terminal: Terminal): Command =>
  new Command('silversmith')
    .description('A self-hosted image service for fleets of computers.')
    .option('-V, --version', 'print the version, its commit and the runtime')
    .on('option:version', () => {
      terminal.out(versionLine());
      throw new CommanderError(0, 'commander.version', 'the version was printed');
    })
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for what there is)')
    .configureHelp({
      // The options of a word are not loaded for the help of the program.
      subcommandTerm: (command) =>
        command.parent?.parent === null && words[command.name()]?.hasOptions
          ? `${command.name()} [options]`
          : new Help().subcommandTerm(command),
    })
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .exitOverride();

function addOpenApi(program: Command, terminal: Terminal): void {
  program
    .command('openapi')
    .description('print the OpenAPI document')
    .action(async () => {
      const { openApiDocument } = await import('../contract/print/openapi.ts');
      terminal.out(JSON.stringify(openApiDocument(), null, 2));
    });
}
