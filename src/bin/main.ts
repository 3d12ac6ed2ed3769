// The command line: builds the program, runs it, and turns what is thrown into one sentence and an exit status.

import { Command, CommanderError } from 'commander';
import { type Environment, UsageError } from '../cli/context.ts';
import { imageCommands } from '../cli/image.ts';
import { machineCommands } from '../cli/machine.ts';
import { processTerminal, type Terminal } from '../cli/output.ts';
import { tourCommand } from '../cli/tour.ts';
import { usageCommand } from '../cli/usage.ts';
import { ApiError } from '../client/client.ts';
import { AppError } from '../domain/error.ts';
import type { MachineId } from '../domain/ids.ts';
import { openApiDocument } from '../wire/openapi.ts';
import { adminCommands } from './admin.ts';
import { type Flags, parseConfig } from './config.ts';

/** Resolves to the exit status. `argv` is as a process has it: two words before the first argument. */
export async function main(
  argv: readonly string[],
  terminal: Terminal = processTerminal,
  env: Environment = process.env,
): Promise<number> {
  const program = new Command('silversmith')
    .description('A self-hosted image service for fleets of computers.')
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for what there is)')
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .exitOverride();
  serveCommand(program, terminal, env);
  imageCommands(program, terminal, env);
  adminCommands(program, machineCommands(program, terminal, env), terminal, env);
  usageCommand(program, terminal, env);
  tourCommand(program, terminal, env, async (machineId, script, dataDir) => {
    const { openEngine } = await import('./open.ts');
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

function serveCommand(program: Command, terminal: Terminal, env: Environment): void {
  program
    .command('serve')
    .description('serve the API')
    .option('--data-dir <folder>', 'where everything is kept (SILVERSMITH_DATA_DIR; default: data)')
    .option('--host <address>', 'address to listen on (SILVERSMITH_HOST; default: 127.0.0.1)')
    .option('--port <number>', 'port to listen on, 0 for a free one (SILVERSMITH_PORT; default: 8080)')
    .option('--engine <name>', 'qemu or simulator (SILVERSMITH_ENGINE; default: qemu)')
    .option('--machine-network', 'give machines a network; it reaches the services on this host’s loopback too')
    .option(
      '--simulator-speed <factor>',
      'how many times faster than real the simulator is; 0 does not wait',
      undefined,
    )
    .option('--public-url <url>', 'where callers reach it, for links that it makes (SILVERSMITH_PUBLIC_URL)')
    .option(
      '--rate-limit <number>',
      'requests a second that one key may send, twice as many at once; 0: any (SILVERSMITH_RATE_LIMIT; default: 500)',
    )
    .option(
      '--metrics <address:port>',
      'answer /metrics there and nowhere else (SILVERSMITH_METRICS; default: with the API, when that listens on loopback)',
    )
    .option('--keep-hours <number>', 'how long replaced disks are kept (SILVERSMITH_KEEP_HOURS; default: 72)')
    .option('--audit-days <number>', 'how long the audit trail is kept (SILVERSMITH_AUDIT_DAYS; default: 365)')
    .option(
      '--cache-gb <number>',
      'the most that installed steps may take when no image needs them (SILVERSMITH_CACHE_GB; default: 100)',
    )
    .option(
      '--scrub-days <number>',
      'how often each layer is compared with its digest (SILVERSMITH_SCRUB_DAYS; default: 30)',
    )
    .option(
      '--scrub-mb-per-second <number>',
      'how fast it is read for that (SILVERSMITH_SCRUB_MB_PER_SECOND; default: 50)',
    )
    .option(
      '--starts-at-once <number>',
      'machines that may be starting at the same time; the others wait for their turn (SILVERSMITH_STARTS_AT_ONCE; default: 8)',
    )
    .option(
      '--builds-at-once <number>',
      'images that may be built at the same time (SILVERSMITH_BUILDS_AT_ONCE; default: 2)',
    )
    .option('--log-level <level>', 'info, error or silent (SILVERSMITH_LOG_LEVEL; default: info)')
    .option('--demo', 'fill an empty store with a demo organisation, machines, a catalogue and a base')
    .action(async (flags: Flags) => {
      // A command that only speaks to a server need not wait for what makes one.
      const { serve } = await import('./serve.ts');
      const config = parseConfig(flags, env);
      const running = await serve(config);
      const ended = new Promise<void>((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      });
      try {
        terminal.out(
          `Silversmith serves ${running.url} from ${config.dataDir} with the ${running.engine.name} engine.`,
        );
        if (running.metricsUrl) terminal.out(`Its metrics are at ${running.metricsUrl}/metrics.`);
        if (config.demo) {
          const { ensureDemo } = await import('./demo.ts');
          const credentials = await ensureDemo(config, running, (line) => terminal.out(line));
          terminal.out(`The demo is ready. Its key is in ${credentials}. In another terminal: npm run tour`);
        }
        await ended;
        terminal.out('Stopping; machines that are on stay on.');
      } finally {
        await running.close();
      }
    });
}

function explain(error: unknown, terminal: Terminal, env: Environment): number {
  if (error instanceof CommanderError) return error.exitCode;
  if (error instanceof ApiError) {
    terminal.err(
      `error: ${error.message} (${error.clientCode}${error.requestId ? `, request ${error.requestId}` : ''})`,
    );
  } else if (error instanceof AppError) {
    terminal.err(`error: ${error.message}`);
    if (error.detail && env.SILVERSMITH_DEBUG) terminal.err(error.detail);
  } else if (error instanceof UsageError) {
    terminal.err(`error: ${error.message}`);
  } else if (error instanceof TypeError && error.message === 'fetch failed') {
    terminal.err(
      `error: No server answers there (${(error.cause as Error | undefined)?.message}). Start one: npm start, or silversmith serve`,
    );
  } else {
    terminal.err(String((error as Error).stack ?? error));
  }
  return 1;
}
