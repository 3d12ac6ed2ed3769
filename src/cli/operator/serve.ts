// silversmith serve: starts a server, says where it is, and ends it at a signal.

import { join } from 'node:path';
import type { Command } from 'commander';
import type { Environment } from '../../lib/environment.ts';
import { defaultDataDir } from '../../lib/folders.ts';
import { type Config, type Flags, parseConfig, settings } from '../../server/options.ts';
import { jsonFile, lookFor } from '../file.ts';
import { interruptible } from '../interruptible.ts';
import type { Terminal } from '../output.ts';
import { UsageError } from '../parse.ts';
import { addSettings } from '../setting.ts';
import { type OperatorContext, operatorName } from './context.ts';

export function serveCommand(command: Command, { terminal, env }: OperatorContext): void {
  addSettings(command, settings)
    .allowExcessArguments()
    .action(async (flags: Flags, command: Command) => {
      refuseExcess(command, env);
      const config = parseConfig(flags, env);
      await assertDemoFile(config);
      await serveUntilSignal(config, terminal, env);
    });
}

/** Throws UsageError when the demo's credentials exist but cannot be parsed. */
async function assertDemoFile({ demo, dataDir }: Config): Promise<void> {
  const file = join(dataDir, 'demo.json');
  if (demo && (await lookFor(file))) await jsonFile('--demo', file, ['url', 'key', 'secret']);
}

async function serveUntilSignal(
  config: Config,
  terminal: Terminal,
  env: Environment,
): Promise<void> {
  // Loaded only here, because commands that speak to a server do not need it.
  const { serve } = await import('../../server/serve.ts');
  const running = await serve(config);
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  try {
    terminal.out(`Data lives in ${running.dataIn} (${running.engineName} engine).`);
    if (!running.worksEngine)
      terminal.out(
        'This server answers requests only; the server with the data of the engine does the work.',
      );
    let demo: string | null = null;
    if (config.demo) {
      const { ensureDemo } = await import('../../server/demo.ts');
      const say = (line: string) => terminal.out(line);
      demo = await interruptible((signal) =>
        ensureDemo(config, running, { by: operatorName(), say, signal }),
      );
    }
    terminal.out(`Silversmith serves ${running.url} (Ctrl-C stops it).`);
    if (running.metricsUrl) terminal.out(`Its metrics are at ${running.metricsUrl}/metrics.`);
    if (running.operatorUrl) terminal.out(`The operator’s API is at ${running.operatorUrl}.`);
    if (demo !== null)
      terminal.out(
        `The demo is ready; its key is in ${demo}. In another terminal: ${tourCall(config, env)}`,
      );
    await ended;
    terminal.out('Stopping; machines that are on stay on.');
  } finally {
    await running.close();
  }
}

/** The command that tours this server, as typed in the same shell. */
function tourCall({ dataDir }: Config, env: Environment): string {
  const options = dataDir === defaultDataDir(env) ? '' : ` --data-dir ${dataDir}`;
  if (env.npm_lifecycle_event === undefined) return `silversmith tour${options}`;
  return options === '' ? 'npm run tour' : `npm run tour --${options}`;
}

/**
 * Refuses words that are no options, and names the cause when npm is it: npm takes options that are
 * not behind `--` for itself, and passes on only their values, or nothing.
 */
function refuseExcess(command: Command, env: Environment): void {
  const script = env.npm_lifecycle_event;
  const valueKept = ({ long }: { long?: string | undefined }) =>
    env[`npm_config_${long?.slice(2).replaceAll('-', '_')}`];
  const option =
    script === undefined ? undefined : command.options.find((one) => valueKept(one) !== undefined);
  if (command.args.length === 0 && option === undefined) return;
  const value = option && valueKept(option);
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
