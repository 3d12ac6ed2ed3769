// What the commands that speak to a server share: where it is, who asks, how answers are printed,
// and waiting with a progress line.

import { accessSync, constants, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type Client, type ClientOptions, createClient } from '../../client/client.ts';
import type { WaitOptions } from '../../client/wait.ts';
import { dataDirHelp, defaultDataDir, rootDataDir } from '../../lib/folders.ts';
import { jsonFile, lookFor } from '../file.ts';
import { progressLine, type Terminal } from '../output.ts';
import { accessKey, duration, nameOf, parsed, path, serverUrl, UsageError } from '../parse.ts';

export interface Remote {
  url?: string;
  key?: string;
  secret?: string;
  dataDir?: string;
  timeout?: string;
  json?: boolean;
  /** `--no-wait`: return at once. */
  wait?: boolean;
}

/** Nobody said who asks. */
export class NoCredentials extends UsageError {}

export type Environment = Record<string, string | undefined>;

export function remoteOptions(command: Command): Command {
  return command
    .option('--url <url>', 'where the server is (SILVERSMITH_URL)')
    .option('--key <key>', 'access key (SILVERSMITH_KEY)')
    .addOption(
      new Option(
        '--secret <secret>',
        'its secret; better given as SILVERSMITH_SECRET, which other users do not see',
      ),
    )
    .option(
      '--data-dir <folder>',
      `where the demo.json is that is used without a key (SILVERSMITH_DATA_DIR; default: ${dataDirHelp})`,
    )
    .option(
      '--timeout <duration>',
      'how long to wait for each answer (SILVERSMITH_TIMEOUT; default: 30s)',
    )
    .option('--json', 'print the answer as JSON');
}

/**
 * Credentials from flags, else the environment, else the demo.json of the data directory. Throws
 * UsageError.
 */
export async function findCredentials(flags: Remote, env: Environment): Promise<ClientOptions> {
  const url = parsed(nameOf('--url', flags.url), flags.url ?? env.SILVERSMITH_URL, serverUrl);
  const key = parsed(nameOf('--key', flags.key), flags.key ?? env.SILVERSMITH_KEY, accessKey);
  const secret = flags.secret ?? env.SILVERSMITH_SECRET;
  const timeout = flags.timeout ?? env.SILVERSMITH_TIMEOUT;
  const timeoutMs = parsed(nameOf('--timeout', flags.timeout), timeout, duration('1s', '24h'));
  const rest = timeoutMs === undefined ? {} : { timeoutMs };
  if (secret === '')
    throw new UsageError(
      `${nameOf('--secret', flags.secret)} is empty; give the secret of the key.`,
    );
  if (key !== undefined && secret !== undefined)
    return { url: url ?? 'http://127.0.0.1:8080', key, secret, ...rest };
  if ((key === undefined) !== (secret === undefined))
    throw new UsageError('A key needs its secret: give both, as --key and SILVERSMITH_SECRET.');
  const demo = await demoCredentials(flags, env);
  return { ...demo, url: url ?? demo.url, ...rest };
}

async function demoCredentials(flags: Remote, env: Environment): Promise<ClientOptions> {
  const name = nameOf('--data-dir', flags.dataDir);
  const dataDir =
    parsed(name, flags.dataDir ?? env.SILVERSMITH_DATA_DIR, path) ?? defaultDataDir(env);
  const file = join(resolve(dataDir), 'demo.json');
  if (!(await lookFor(file)) || !isReadable(file))
    throw new NoCredentials(whereCredentialsAre(file));
  const { url, key, secret } = await jsonFile('the demo’s credentials', file, [
    'url',
    'key',
    'secret',
  ]);
  return {
    url: parsed(`${file}: url`, url, serverUrl),
    key: parsed(`${file}: key`, key, accessKey),
    secret,
  };
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** The demo may be another user's: root's, when it was started with sudo. */
function whereCredentialsAre(file: string): string {
  const found = [file, join(rootDataDir, 'demo.json')].find(
    (one) => existsSync(one) && !isReadable(one),
  );
  const ways = 'give SILVERSMITH_KEY and SILVERSMITH_SECRET (and SILVERSMITH_URL)';
  return found === undefined
    ? `No credentials: ${ways}, or start the demo (npm start), which writes ${file}. When it runs on another data directory, give that: --data-dir or SILVERSMITH_DATA_DIR.`
    : `No credentials: those of the demo are in ${found}, which another user owns. Type this as that user (for root's: with sudo), or ${ways}.`;
}

export async function connect(flags: Remote, env: Environment): Promise<Client> {
  return createClient(await findCredentials(flags, env));
}

export function print(
  terminal: Terminal,
  flags: { json?: boolean },
  answer: object,
  human: string,
): void {
  terminal.out(flags.json ? JSON.stringify(answer, null, 2) : human);
}

const waitLimitMs = 4 * 3600_000;

/** Waits with a progress line, unless told not to. */
export async function waiting<Result>(
  terminal: Terminal,
  wait: (options: Required<WaitOptions>) => Promise<Result>,
): Promise<Result> {
  const progress = progressLine(terminal);
  try {
    return await wait({ limitMs: waitLimitMs, onProgress: progress.say });
  } finally {
    progress.end();
  }
}
