// Shared by the commands that speak to a server: where it is, and which key signs.

import { accessSync, constants, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Client, ClientOptions } from '../../client/client.ts';
import type { Environment } from '../../lib/environment.ts';
import { defaultDataDir, profilesFile, rootDataDir } from '../../lib/folders.ts';
import { jsonFile, lookFor } from '../file.ts';
import type { Terminal } from '../output.ts';
import { accessKey, parsed, UsageError } from '../parse.ts';
import { serverUrl } from '../parse-address.ts';
import { addSettings, givenAs, settingValues } from '../setting.ts';
import { nodeFetch } from './node-fetch.ts';
import { type Remote, remoteSettings } from './settings.ts';

export type { Remote } from './settings.ts';

/** The terminal and the environment that each of these commands gets. */
export interface RemoteContext {
  terminal: Terminal;
  env: Environment;
}

/** A request that a busy server refuses, or that gets no answer, is sent once more. */
const triesMax = 2;

/** Neither options nor the environment nor a demo give a key. */
export class NoCredentials extends UsageError {}

export const remoteOptions = (command: Command): Command =>
  addSettings(command, remoteSettings).option('--json', 'print the answer as JSON');

/**
 * Credentials from the first of: --profile; key and secret; SILVERSMITH_PROFILE; the demo.json of a
 * data directory that was named; the profile in use; the demo.json of the default data directory.
 * Throws UsageError.
 */
export async function findCredentials(flags: Remote, env: Environment): Promise<ClientOptions> {
  const given = settingValues(remoteSettings, flags, env);
  const { url, key, secret, profile, dataDir, timeout } = given;
  const rest = { fetch: nodeFetch, triesMax, ...(timeout !== null && { timeoutMs: timeout }) };
  if (secret === '')
    throw new UsageError(
      `${givenAs(remoteSettings.secret, flags.secret)} is empty; give the secret of the key.`,
    );
  const isByOption = flags.profile !== undefined;
  if (isByOption && (flags.key ?? flags.secret) !== undefined)
    throw new UsageError('--profile has a key and a secret; leave --key and --secret out.');
  if (!isByOption && (key !== null || secret !== null)) {
    if (key === null || secret === null)
      throw new UsageError('A key needs its secret: give both, as --key and SILVERSMITH_SECRET.');
    return { url: url ?? 'http://127.0.0.1:8080', key, secret, ...rest };
  }
  const kept = await profileCredentials(profile, dataDir === null, env);
  const file = join(resolve(dataDir ?? defaultDataDir(env)), 'demo.json');
  const found = kept ?? (await demoCredentials(file));
  return { ...found, url: url ?? found.url, ...rest };
}

/** Those of a profile that was named, else of the one in use where that counts; else null. */
async function profileCredentials(name: string | null, takesCurrent: boolean, env: Environment) {
  if (name === null && !(takesCurrent && existsSync(profilesFile(env)))) return null;
  const { credentialsOf } = await import('./profiles.ts');
  return credentialsOf(name, env);
}

async function demoCredentials(file: string): Promise<ClientOptions> {
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

/** The demo may belong to another user: to root, when it was started with sudo. */
function whereCredentialsAre(file: string): string {
  const found = [file, join(rootDataDir, 'demo.json')].find(
    (one) => existsSync(one) && !isReadable(one),
  );
  const ways =
    'type silversmith login, or give SILVERSMITH_KEY and SILVERSMITH_SECRET (and SILVERSMITH_URL)';
  return found === undefined
    ? `No credentials: ${ways}, or start the demo (npm start), which writes ${file}. When it runs on another data directory, give that: --data-dir or SILVERSMITH_DATA_DIR.`
    : `No credentials: those of the demo are in ${found}, which another user owns. Type this as that user (for root's: with sudo), or ${ways}.`;
}

/** Loads the client, which the help and the operator's commands do without, and makes one. */
export async function clientOf(options: ClientOptions): Promise<Client> {
  const { createClient } = await import('../../client/client.ts');
  return createClient(options);
}

/** A client, and what it was made of, for a command that also listens to events. */
export async function connection(
  flags: Remote,
  env: Environment,
): Promise<{ client: Client; server: ClientOptions }> {
  const server = await findCredentials(flags, env);
  return { client: await clientOf(server), server };
}

export const connect = async (flags: Remote, env: Environment): Promise<Client> =>
  clientOf(await findCredentials(flags, env));
