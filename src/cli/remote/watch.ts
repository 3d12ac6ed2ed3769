// silversmith watch: the fleet as it changes. A terminal gets the full screen, anything else a line
// for each change.

import { type Command, Option } from 'commander';
import type { Client } from '../../client/client.ts';
import { mayPass } from '../../client/retry.ts';
import { exitCode } from '../exit.ts';
import { fullScreen } from '../full-screen.ts';
import type { Terminal } from '../output.ts';
import { duration } from '../parse.ts';
import {
  clientOf,
  findCredentials,
  type Remote,
  type RemoteContext,
  remoteOptions,
} from './context.ts';
import { changes, type Fleet, fleetNow } from './fleet.ts';
import { frameOf } from './fleet-frame.ts';

export function watchCommand(command: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(command)
    .addOption(
      new Option('--interval <duration>', 'how often to look, such as 2s or 1m')
        .argParser(duration('1s', '1h'))
        .default(2000, '2s'),
    )
    .action(async (flags: Remote & { interval: number }) => {
      const options = await findCredentials(flags, env);
      const client = await clientOf(options);
      const first = await fleetNow(client);
      const looking = { client, first, intervalMs: flags.interval };
      terminal.exitCode =
        terminal.columns === undefined || !terminal.interactive || flags.json
          ? await inLines(looking, terminal, flags.json === true)
          : await onScreen(looking, terminal, options.url);
    });
}

interface Looking {
  client: Client;
  first: Fleet;
  intervalMs: number;
}

/** Looks again and again, until the signal; a server that does not answer is asked again. */
async function look(
  { client, intervalMs }: Looking,
  signal: AbortSignal,
  tell: (fleet: Fleet | null, problem: string | null) => void,
): Promise<void> {
  const { sentenceOf } = await import('../explain.ts');
  while (!signal.aborted) {
    await pause(intervalMs, signal);
    if (signal.aborted) return;
    try {
      tell(await fleetNow(client), null);
    } catch (error) {
      if (!mayPass(error, true)) throw error;
      tell(null, sentenceOf(error));
    }
  }
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });

async function onScreen(looking: Looking, terminal: Terminal, url: string): Promise<number> {
  let shown: { fleet: Fleet; problem: string | null } = { fleet: looking.first, problem: null };
  const draw = () => {
    const { columns = 80, rows = 24 } = process.stdout;
    const hasColors = terminal.hasColors ?? false;
    screen.show(frameOf({ url, ...shown }, { columns, rows, hasColors }));
  };
  const screen = fullScreen(() => draw());
  const stop = new AbortController();
  try {
    draw();
    const looked = look(looking, stop.signal, (fleet, problem) => {
      shown = { fleet: fleet ?? shown.fleet, problem };
      draw();
    });
    return await Promise.race([screen.ended, looked.then(() => 0)]);
  } finally {
    stop.abort();
    screen.close();
  }
}

/** Prints a line for each change, or a line of JSON, until Ctrl-C or until nobody reads. */
async function inLines(looking: Looking, terminal: Terminal, json: boolean): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt);
  let before: Fleet | null = null;
  let said: string | null = null;
  const print = (fleet: Fleet | null, problem: string | null) => {
    if (terminal.isClosed) return stop.abort();
    if (problem !== null && said === null) terminal.err(problem);
    said = problem;
    if (fleet === null) return;
    const at = new Date(fleet.at).toISOString();
    for (const change of changes(fleet, before))
      terminal.out(json ? JSON.stringify({ at, change }) : `${at} ${change}`);
    before = fleet;
  };
  try {
    print(looking.first, null);
    await look(looking, stop.signal, print);
    return terminal.isClosed ? 0 : exitCode('interrupted');
  } finally {
    process.removeListener('SIGINT', interrupt);
  }
}
