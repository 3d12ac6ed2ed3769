// The command line: builds the program, runs it, and turns what is thrown into one sentence and an
// exit status.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { jsonFile, lookFor } from '../cli/file.ts';
import { adminCommands, catalogueLocal } from '../cli/operator/commands.ts';
import { processTerminal, showing, type Terminal } from '../cli/output.ts';
import { UsageError } from '../cli/parse.ts';
import { catalogueCommands } from '../cli/remote/catalogue.ts';
import type { Environment } from '../cli/remote/context.ts';
import { imageCommands } from '../cli/remote/image.ts';
import { machineCommands } from '../cli/remote/machine.ts';
import { tourCommand } from '../cli/remote/tour.ts';
import { usageCommand } from '../cli/remote/usage.ts';
import { openApiDocument } from '../contract/print/openapi.ts';
import type { MachineId } from '../domain/ids.ts';
import { withoutJob } from '../engine/port/call.ts';
import { dataDirHelp, defaultDataDir } from '../lib/folders.ts';
import { explain } from '../server/explain.ts';
import { type Config, type Flags, parseConfig } from '../server/options.ts';

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
    if (!engine.exec) return null;
    const spec = { machineId: machineId as MachineId, command: ['/bin/sh', '-c', script] };
    const { stdout, stderr } = await engine.exec.run(spec, withoutJob());
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
    .option(
      '--data-dir <folder>',
      `where everything is kept (SILVERSMITH_DATA_DIR; default: ${dataDirHelp})`,
    )
    .option('--host <address>', 'address to listen on (SILVERSMITH_HOST; default: 127.0.0.1)')
    .option(
      '--port <number>',
      'port to listen on, 0 for a free one (SILVERSMITH_PORT; default: 8080)',
    )
    .option(
      '--engine <name>',
      'qemu or simulator (SILVERSMITH_ENGINE; default: the one of the data, qemu for new data)',
    )
    .option(
      '--machine-network',
      'give machines a network; it reaches the services on this host’s loopback too',
    )
    .option(
      '--simulator-speed <factor>',
      'how many times faster than real the simulator is; 0 does not wait',
      undefined,
    )
    .option(
      '--public-url <url>',
      'where callers reach it, for links that it makes (SILVERSMITH_PUBLIC_URL)',
    )
    .option(
      '--rate-limit <number>',
      'requests a second that one key may send, twice as many at once; 0: any (SILVERSMITH_RATE_LIMIT; default: 500)',
    )
    .option(
      '--metrics <address:port>',
      'answer /metrics there and nowhere else (SILVERSMITH_METRICS; default: with the API, when that listens on loopback)',
    )
    .option(
      '--keep-hours <number>',
      'how long replaced disks are kept (SILVERSMITH_KEEP_HOURS; default: 72)',
    )
    .option(
      '--audit-days <number>',
      'how long the audit trail is kept (SILVERSMITH_AUDIT_DAYS; default: 365)',
    )
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
    .option(
      '--confine <how>',
      'how guests are kept from this host and from each other: bubblewrap, or none, which is less safe (SILVERSMITH_CONFINE; default: bubblewrap)',
    )
    .option(
      '--guest-uids <first-last>',
      'numbers of users for guests, when the server is root (SILVERSMITH_GUEST_UIDS; default: 2000000000-2000065535)',
    )
    .option('--log-level <level>', 'info, error or silent (SILVERSMITH_LOG_LEVEL; default: info)')
    .option(
      '--demo',
      'fill an empty store with a demo organisation, machines, a catalogue and a base',
    )
    .allowExcessArguments()
    .action(async (flags: Flags, command: Command) => {
      refuseExcess(command, env);
      // A command that only speaks to a server need not wait for what makes one.
      const { serve } = await import('../server/serve.ts');
      const config = parseConfig(flags, env);
      const demoFile = join(config.dataDir, 'demo.json');
      if (config.demo && (await lookFor(demoFile)))
        await jsonFile('--demo', demoFile, ['url', 'key', 'secret']);
      const running = await serve(config);
      const ended = new Promise<void>((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      });
      try {
        terminal.out(`Data lives in ${config.dataDir} (${running.engine.name} engine).`);
        let demo: string | null = null;
        if (config.demo) {
          const { ensureDemo } = await import('../server/demo.ts');
          demo = await ensureDemo(config, running, (line) => terminal.out(line));
        }
        terminal.out(`Silversmith serves ${running.url} (Ctrl-C stops it).`);
        if (running.metricsUrl) terminal.out(`Its metrics are at ${running.metricsUrl}/metrics.`);
        if (demo !== null)
          terminal.out(
            `The demo is ready; its key is in ${demo}. In another terminal: ${tourCall(config, env)}`,
          );
        await ended;
        terminal.out('Stopping; machines that are on stay on.');
      } finally {
        await running.close();
      }
    });
}

/** The command that tours this server, as it is typed where this one was. */
function tourCall({ dataDir }: Config, env: Environment): string {
  const options = dataDir === defaultDataDir(env) ? '' : ` --data-dir ${dataDir}`;
  if (env.npm_lifecycle_event === undefined) return `silversmith tour${options}`;
  return options === '' ? 'npm run tour' : `npm run tour --${options}`;
}

/**
 * npm keeps options for itself that are not behind `--`, and passes only their values on, or
 * nothing.
 */
function refuseExcess(command: Command, env: Environment): void {
  const script = env.npm_lifecycle_event;
  const kept = command.options.filter(
    ({ long }) => env[`npm_config_${long?.slice(2).replaceAll('-', '_')}`] !== undefined,
  );
  const option = script === undefined ? undefined : kept[0];
  if (command.args.length === 0 && option === undefined) return;
  const value = option && env[`npm_config_${option.long?.slice(2).replaceAll('-', '_')}`];
  const words =
    command.args.length > 0
      ? command.args.join(' ')
      : option?.required && value !== 'true'
        ? value
        : '';
  const npm = script === 'start' ? 'npm start --' : `npm run ${script} -- serve`;
  const type = `put -- before options: ${`${npm} ${option?.long ?? '--OPTION'} ${words}`.trimEnd()}`;
  if (command.args.length === 0)
    throw new UsageError(`npm kept ${option?.long} for itself; ${type}`);
  const hint =
    script === undefined
      ? 'Type options by their names, such as --port 8081.'
      : `With npm, ${type}`;
  throw new UsageError(`too many arguments: ${words}. ${hint}`);
}
