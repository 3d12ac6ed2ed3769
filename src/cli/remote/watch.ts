// silversmith watch: the fleet as it changes. A terminal gets the full screen, anything else a line
// for each change.

import { type Command, Option } from 'commander';
import type { Client, ClientOptions } from '../../client/client.ts';
import { listen } from '../../client/events.ts';
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
import { pause } from './follow.ts';

export function watchCommand(command: Command, { terminal, env }: RemoteContext): void {
  remoteOptions(command)
    .addOption(
      new Option(
        '--interval <duration>',
        'how often to look where no events are heard, such as 2s or 1m',
      )
        .argParser(duration('1s', '1h'))
        .default(2000, '2s'),
    )
    .action(async (flags: Remote & { interval: number }) => {
      const options = await findCredentials(flags, env);
      const client = await clientOf(options);
      const first = await fleetNow(client);
      const looking = { client, options, first, intervalMs: flags.interval };
      terminal.exitCode =
        terminal.columns === undefined || !terminal.interactive || flags.json
          ? await inLines(looking, terminal, flags.json === true)
          : await onScreen(looking, terminal, options.url);
    });
}

interface Looking {
  client: Client;
  options: ClientOptions;
  first: Fleet;
  intervalMs: number;
}

/** No two looks are closer, however many events come. */
const restMs = 500;

/**
 * Looks again and again, until the signal: when something was heard to happen, and at each
 * interval. A server that does not answer is asked again.
 */
async function look(
  { client, options, intervalMs }: Looking,
  signal: AbortSignal,
  tell: (fleet: Fleet | null, problem: string | null) => void,
): Promise<void> {
  const { sentenceOf } = await import('../explain.ts');
  // Aborted when something has happened since the last look began.
  let wake = new AbortController();
  // Where events cannot be heard, the interval alone counts.
  const heard = async () => {
    for await (const _event of listen(options, { signal })) wake.abort();
  };
  heard().catch(() => {});
  while (!signal.aborted) {
    await pause(restMs, signal);
    await pause(intervalMs - restMs, AbortSignal.any([signal, wake.signal]));
    wake = new AbortController();
    if (signal.aborted) return;
    try {
      tell(await fleetNow(client, signal), null);
    } catch (error) {
      if (signal.aborted) return;
      if (!mayPass(error, true)) throw error;
      tell(null, sentenceOf(error));
    }
  }
}

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
  // It closes when something was written and nobody reads it any more.
  process.stdout.once('close', interrupt);
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
    process.stdout.removeListener('close', interrupt);
  }
}
