// silversmith login: tries a key, and keeps it as a profile.

import type { Command } from 'commander';
import { ApiError } from '../../client/errors.ts';
import { profilesFile } from '../../lib/folders.ts';
import type { Terminal } from '../output.ts';
import { accessKey, parsed, profileName, UsageError } from '../parse.ts';
import { serverUrl } from '../parse-address.ts';
import { clientOf, type RemoteContext } from './context.ts';
import { nodeFetch } from './node-fetch.ts';
import { changeProfiles, type Profile, secretOf } from './profiles.ts';

const secretBytesMax = 4096;

interface Login {
  url?: string;
  key?: string;
  name: string;
  secretStdin?: boolean;
  check: boolean;
}

export function loginCommand(command: Command, { terminal, env }: RemoteContext): void {
  command
    .argument(
      '[program...]',
      'after --: a program that prints the secret; it is kept instead of the secret',
    )
    .option('--url <url>', 'where the server is; asked for when it is missing', serverUrl)
    .option('--key <key>', 'access key; asked for when it is missing', accessKey)
    .option('--secret-stdin', 'read the secret from standard input')
    .option('--name <name>', 'name of the profile', profileName, 'default')
    .option('--no-check', 'do not try the key')
    .action(async (program: string[], flags: Login) => {
      if (program.length > 0 && flags.secretStdin)
        throw new UsageError('Give --secret-stdin or a program after --, not both.');
      const url = flags.url ?? (await asked(terminal, '--url', 'Server: ', serverUrl));
      const key = flags.key ?? (await asked(terminal, '--key', 'Key: ', accessKey));
      const { profile, secret } = await withSecret(url, key, flags, program, { terminal, env });
      if (flags.check) await tried(url, key, secret);
      let isNew = true;
      await changeProfiles(env, ({ profiles }) => {
        isNew = !profiles.has(flags.name);
        return { current: flags.name, profiles: profiles.set(flags.name, profile) };
      });
      terminal.out(
        `Profile ${flags.name} is ${isNew ? 'made' : 'changed'} and in use. It is in ${profilesFile(env)}, which only you can read.`,
      );
    });
}

async function asked<Value>(
  terminal: Terminal,
  option: string,
  question: string,
  parse: (text: string) => Value,
): Promise<Value> {
  if (!terminal.ask) throw new UsageError(`Give ${option}; nobody can be asked here.`);
  return parsed(option, (await terminal.ask(question)).trim(), parse);
}

async function withSecret(
  url: string,
  key: string,
  flags: Login,
  secretCommand: readonly string[],
  { terminal, env }: RemoteContext,
): Promise<{ profile: Profile; secret: string }> {
  if (secretCommand.length > 0)
    return { profile: { url, key, secretCommand }, secret: await secretOf(secretCommand, env) };
  const secret = (await (flags.secretStdin ? fromStdin() : typedSecret(terminal))).trim();
  if (secret === '') throw new UsageError('The secret is empty; give the secret of the key.');
  return { profile: { url, key, secret }, secret };
}

async function typedSecret(terminal: Terminal): Promise<string> {
  if (!terminal.ask)
    throw new UsageError('Give --secret-stdin, or a program after --; nobody can be asked here.');
  const { ask } = await import('../ask.ts');
  return ask('Secret (not shown): ', { isHidden: true });
}

async function fromStdin(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += chunk;
    if (text.length > secretBytesMax)
      throw new UsageError(`Standard input has more than ${secretBytesMax} bytes, so no secret.`);
  }
  return text.split(/\r?\n/)[0] ?? '';
}

/** Sends a signed request. A key that lacks the permission for it is a good key. */
async function tried(url: string, key: string, secret: string): Promise<void> {
  const options = { url, key, secret, fetch: nodeFetch };
  const client = await clientOf(options);
  await client.softwareList({}).catch(async (error: unknown) => {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === 'permission_required') return;
    if (error.code !== 'not_found') throw error;
    // The operator's API may have an address of its own, where there is nothing else.
    const { createOperatorClient } = await import('../../client/operator.ts');
    await createOperatorClient(options)
      .organisationList()
      .catch((refusal: unknown) => {
        if (!(refusal instanceof ApiError && refusal.code === 'permission_required')) throw refusal;
      });
  });
}
