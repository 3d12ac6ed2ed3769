// The command line: builds the program, runs it, and turns what is thrown into one sentence and an
// exit status.

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { explain } from '../cli/explain.ts';
import { adminCommands, catalogueLocal } from '../cli/operator/commands.ts';
import { serveCommand } from '../cli/operator/serve.ts';
import { processTerminal, showing, type Terminal } from '../cli/output.ts';
import { catalogueCommands } from '../cli/remote/catalogue.ts';
import { imageCommands } from '../cli/remote/image.ts';
import { machineCommands } from '../cli/remote/machine.ts';
import { tourCommand } from '../cli/remote/tour.ts';
import { usageCommand } from '../cli/remote/usage.ts';
import { openApiDocument } from '../contract/print/openapi.ts';
import type { MachineId } from '../domain/ids.ts';
import type { Environment } from '../lib/environment.ts';
import { parseConfig } from '../server/options.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
);

/**
 * Resolves to the exit status. `argv` is as a process has it: two words before the first argument.
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
  imageCommands(program, terminal, env);
  const machine = machineCommands(program, terminal, env);
  const catalogue = catalogueCommands(program, terminal, env, catalogueLocal(terminal, env));
  adminCommands(program, { ...catalogue, machine }, terminal, env);
  usageCommand(program, terminal, env);
  tourCommand(program, terminal, env, async (machineId, script, dataDir) => {
    const { openEngine } = await import('../server/open.ts');
    const engine = await openEngine(parseConfig(dataDir === undefined ? {} : { dataDir }, env));
    if (!engine.capabilities.exec) return null;
    const { stdout, stderr } = await engine.exec(machineId as MachineId, ['/bin/sh', '-c', script]);
    return stdout + stderr;
  });
  program
    .command('openapi')
    .description('print the OpenAPI document')
    .action(() => terminal.out(JSON.stringify(openApiDocument(), null, 2)));
  try {
    await program.parseAsync(argv);
    return terminal.exitCode;
  } catch (error) {
    return explain(error, terminal, env);
  }
}
