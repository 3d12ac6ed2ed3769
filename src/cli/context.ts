// What the commands that speak to a server share: where it is, who asks, how answers are printed, and waiting with a progress line.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type Client, type ClientOptions, createClient } from '../client/client.ts';
import { dataDirHelp, defaultDataDir, rootDataDir } from '../lib/folders.ts';
import { progressLine, type Terminal } from './output.ts';

/** Something the user can mend: its message is printed alone. */
export class UsageError extends Error {}

export interface Remote {
  url?: string;
  key?: string;
  secret?: string;
  dataDir?: string;
  json?: boolean;
  /** `--no-wait`: return at once. */
  wait?: boolean;
}

export type Environment = Record<string, string | undefined>;

export function remoteOptions(command: Command): Command {
  return command
    .option('--url <url>', 'where the server is (SILVERSMITH_URL)')
    .option('--key <key>', 'access key (SILVERSMITH_KEY)')
    .addOption(
      new Option('--secret <secret>', 'its secret; better given as SILVERSMITH_SECRET, which other users do not see'),
    )
    .option(
      '--data-dir <folder>',
      `where the demo.json is that is used without a key (SILVERSMITH_DATA_DIR; default: ${dataDirHelp})`,
    )
    .option('--json', 'print the answer as JSON');
}

/** Credentials from flags, else the environment, else the demo.json of the data directory. */
export async function findCredentials(flags: Remote, env: Environment): Promise<ClientOptions> {
  const key = flags.key ?? env.SILVERSMITH_KEY;
  const secret = flags.secret ?? env.SILVERSMITH_SECRET;
  const url = flags.url ?? env.SILVERSMITH_URL;
  if (key !== undefined && secret !== undefined) return { url: url ?? 'http://127.0.0.1:8080', key, secret };
  if ((key === undefined) !== (secret === undefined))
    throw new UsageError('A key needs its secret: give both, as --key and SILVERSMITH_SECRET.');
  const file = join(resolve(flags.dataDir ?? env.SILVERSMITH_DATA_DIR ?? defaultDataDir(env)), 'demo.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const others = error.code === 'EACCES' ? file : join(rootDataDir, 'demo.json');
    const ways = 'give SILVERSMITH_KEY and SILVERSMITH_SECRET (and SILVERSMITH_URL)';
    if (!existsSync(others))
      throw new UsageError(`No credentials: ${ways}, or start the demo (npm start), which writes ${file}.`);
    throw new UsageError(
      `No credentials: the demo's are in ${others}, which another user owns. Type this as that user (root: sudo npm run …), or ${ways}.`,
    );
  });
  const demo = JSON.parse(text) as ClientOptions;
  return { ...demo, url: url ?? demo.url };
}

export async function connect(flags: Remote, env: Environment): Promise<Client> {
  return createClient(await findCredentials(flags, env));
}

export function parseId(text: string): number {
  const id = Number(text);
  if (!Number.isSafeInteger(id) || id < 1)
    throw new UsageError(`${JSON.stringify(text)} is not an id; give a whole number from 1.`);
  return id;
}

const unitsMs = { s: 1000, m: 60_000, h: 3600_000, d: 24 * 3600_000 };

/** A duration such as 90s, 15m, 24h or 30d, in ms. */
export function parseDurationMs(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (unit === undefined)
    throw new UsageError(`${JSON.stringify(text)} is not a duration; give one such as 15m, 24h or 30d.`);
  return Number(amount) * unitsMs[unit as keyof typeof unitsMs];
}

export const parseIds = (texts: readonly string[]): number[] => texts.flatMap((text) => text.split(',')).map(parseId);

export function print(terminal: Terminal, flags: Remote, answer: object, human: string): void {
  terminal.out(flags.json ? JSON.stringify(answer, null, 2) : human);
}

const waitLimitMs = 4 * 3600_000;

/** Waits with a progress line, unless told not to. */
export async function waiting<Result>(
  terminal: Terminal,
  wait: (options: { limitMs: number; onProgress: (line: string) => void }) => Promise<Result>,
): Promise<Result> {
  const progress = progressLine(terminal);
  try {
    return await wait({ limitMs: waitLimitMs, onProgress: progress.say });
  } finally {
    progress.end();
  }
}
