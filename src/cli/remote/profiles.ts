// The profiles of a user: where servers are, and the keys for them. They are in one file that only
// its user may read, because it has secrets; a profile may name a command instead, which prints its
// secret. That command runs without a shell, with limits, and sees only what such commands need.

import { chmod, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { systemClock } from '../../lib/clock.ts';
import type { Environment } from '../../lib/environment.ts';
import { profilesFile } from '../../lib/folders.ts';
import { isObject } from '../../lib/objects.ts';
import { CommandError, runCommand, systemPath } from '../../lib/spawn.ts';
import { interruptible } from '../interruptible.ts';
import { accessKey, parsed, profileName, UsageError } from '../parse.ts';
import { serverUrl } from '../parse-address.ts';
import { didYouMean } from '../similar.ts';

export type Profile = { url: string; key: string } & (
  | { secret: string }
  | { secretCommand: readonly string[] }
);

export interface Profiles {
  current: string | null;
  profiles: Map<string, Profile>;
}

const fileBytesMax = 1024 * 1024;
const profilesMax = 1000;
const commandWordsMax = 50;
const commandMs = 30_000;
const secretBytesMax = 4096;
const ownSignalMs = 250;
/** The variables that password managers need: where they keep things, and whom they ask. */
const passedOn = [
  ...['HOME', 'USER', 'LANG', 'TERM', 'DISPLAY', 'WAYLAND_DISPLAY', 'XDG_RUNTIME_DIR'],
  ...['DBUS_SESSION_BUS_ADDRESS', 'GNUPGHOME', 'GPG_TTY', 'PASSWORD_STORE_DIR', 'SSH_AUTH_SOCK'],
] as const;

/** Throws UsageError unless the file and its folder are the user's own, and closed to others. */
async function assertClosed(file: string): Promise<void> {
  const ours = process.geteuid?.();
  const [folder, own] = [await stat(dirname(file)), await stat(file)];
  if (own.uid !== ours)
    throw new UsageError(`${file} belongs to another user; profiles are read by their owner only.`);
  if ((own.mode & 0o077) !== 0)
    throw new UsageError(
      `${file} can be read by other users, and it has secrets. Type: chmod 600 ${file}. If others may have read it, replace its keys (silversmith key rotate).`,
    );
  if ((folder.mode & 0o022) !== 0)
    throw new UsageError(
      `${dirname(file)} can be changed by other users. Type: chmod 700 ${dirname(file)}`,
    );
  if (own.size > fileBytesMax) throw new UsageError(`${file} is too large to be profiles.`);
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function profileIn(file: string, name: string, value: unknown): Profile {
  const wrong = (what: string): never => {
    throw new UsageError(`${file}: the profile ${name} ${what}; type silversmith login again.`);
  };
  if (!isObject(value) || !isText(value.url) || !isText(value.key))
    return wrong('lacks url or key');
  const url = parsed(`${file}: ${name}: url`, value.url, serverUrl);
  const key = parsed(`${file}: ${name}: key`, value.key, accessKey);
  const { secret, secret_command: command } = value;
  if (isText(secret)) return { url, key, secret };
  if (Array.isArray(command) && command.length > 0 && command.every(isText))
    return { url, key, secretCommand: command.slice(0, commandWordsMax) };
  return wrong('lacks secret or secret_command');
}

/**
 * The profiles of the user; none when there is no file. Throws UsageError for one that is wrong.
 */
export async function readProfiles(env: Environment): Promise<Profiles> {
  const file = profilesFile(env);
  const none = await stat(file).then(
    () => false,
    (error) => error.code === 'ENOENT',
  );
  if (none) return { current: null, profiles: new Map() };
  await assertClosed(file);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError(`${file} is not JSON; mend it, or remove it and type silversmith login.`);
  }
  if (!isObject(value) || !isObject(value.profiles))
    throw new UsageError(`${file} lacks profiles; mend it, or remove it.`);
  const found = Object.entries(value.profiles).map(
    ([name, one]) =>
      [parsed(`${file}: profile`, name, profileName), profileIn(file, name, one)] as const,
  );
  const { current } = value;
  return { current: isText(current) ? current : null, profiles: new Map(found) };
}

/**
 * Changes the profiles as they are now, one command at a time, and replaces the file at once, so
 * that a reader sees the profiles before or after. Throws UsageError like `readProfiles`.
 */
export async function changeProfiles(
  env: Environment,
  change: (all: Profiles) => Profiles,
): Promise<void> {
  const file = profilesFile(env);
  try {
    await changeFile(file, env, change);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!/^(EROFS|EACCES|EPERM|ENOTDIR)$/.test(code ?? '')) throw error;
    throw new UsageError(
      `Profiles cannot be kept in ${dirname(file)}: it cannot be written to (${code}). Set XDG_CONFIG_HOME to a folder of yours, or do without a profile: SILVERSMITH_URL, SILVERSMITH_KEY and SILVERSMITH_SECRET.`,
      'refused',
    );
  }
}

async function changeFile(
  file: string,
  env: Environment,
  change: (all: Profiles) => Profiles,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await chmod(dirname(file), 0o700);
  const [{ whileLocked }, { writeWhole }] = await Promise.all([
    import('../../lib/file-lock.ts'),
    import('../../lib/files.ts'),
  ]);
  await whileLocked(file, async () => {
    const text = textOf(change(await readProfiles(env)));
    // A link stays one: its file may be kept together with others elsewhere.
    await writeWhole(await realpath(file).catch(() => file), text, 0o600);
  });
}

function textOf({ current, profiles }: Profiles): string {
  if (profiles.size > profilesMax)
    throw new UsageError(`There are ${profilesMax} profiles; remove some first.`);
  const entries = [...profiles].map(([name, profile]) => {
    const { url, key } = profile;
    const secret =
      'secret' in profile ? { secret: profile.secret } : { secret_command: profile.secretCommand };
    return [name, { url, key, ...secret }];
  });
  return `${JSON.stringify({ current, profiles: Object.fromEntries(entries) }, null, 2)}\n`;
}

/** The profile of that name. Throws UsageError with the names that there are. */
export function profileNamed({ profiles }: Profiles, name: string): Profile {
  const found = profiles.get(name);
  if (found) return found;
  throw new UsageError(
    `There is no profile ${JSON.stringify(name)}.${didYouMean(name, [...profiles.keys()])} See: silversmith profile list`,
    'not_found',
  );
}

/** Credentials of a profile, or of the one in use; null when none is in use. Throws UsageError. */
export async function credentialsOf(name: string | null, env: Environment) {
  const all = await readProfiles(env);
  const chosen = name ?? all.current;
  if (chosen === null) return null;
  const profile = profileNamed(all, chosen);
  const { url, key } = profile;
  const secret = 'secret' in profile ? profile.secret : await secretOf(profile.secretCommand, env);
  return { url, key, secret };
}

/**
 * Waits until the signal aborts, and returns soon when it does not: Ctrl-C goes to the program and
 * to us, and the program may have ended before we hear of it.
 */
async function ownSignal(signal: AbortSignal): Promise<void> {
  await systemClock.sleep(ownSignalMs, signal).catch(() => {});
  // A timer that is late comes before the signals that have arrived meanwhile.
  await setImmediate();
}

/**
 * The first line that the command prints. Its output is never part of an error, because it has
 * secrets.
 */
export async function secretOf(words: readonly string[], env: Environment): Promise<string> {
  const [program = '', ...args] = words;
  const known = passedOn.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const run = async (signal: AbortSignal) => {
    try {
      return await runCommand(program, args, {
        env: { ...Object.fromEntries(known), PATH: env.PATH ?? systemPath },
        timeoutMs: commandMs,
        outputBytesMax: secretBytesMax,
        signal,
        sharesTerminal: true,
      });
    } catch (error) {
      await ownSignal(signal);
      throw error;
    } finally {
      signal.throwIfAborted();
    }
  };
  const interrupted = `Interrupted while ${program} was asked for the secret; nothing was changed.`;
  const out = await interruptible(run, interrupted).catch((error: unknown) => {
    if (!(error instanceof CommandError)) throw error;
    const { ended, exitCode, signal } = error;
    const why =
      ended === 'limit'
        ? `did not end within ${commandMs / 1000} s`
        : ended === 'flooded'
          ? `printed more than ${secretBytesMax} bytes`
          : signal !== null
            ? `was ended by ${signal}`
            : exitCode === null
              ? 'cannot be run'
              : `ended with ${exitCode}`;
    throw new UsageError(`The command for the secret, ${program}, ${why}; type it to see why.`);
  });
  const [first = ''] = out.split(/\r?\n/);
  if (first.trim() === '')
    throw new UsageError(`The command for the secret, ${program}, printed nothing.`);
  return first.trim();
}
