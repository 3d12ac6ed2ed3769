// silversmith image verify: whether exported files are what their provenance states, without a
// server.

import type { KeyObject } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { envelopeBytesMax, type Opened, openEnvelope, publicKeysOf } from '../../lib/envelope.ts';
import { sha256File } from '../../lib/files.ts';
import { keyIdOf } from '../../lib/signing-key.ts';
import { exitCode } from '../exit.ts';
import { UsageError } from '../parse.ts';
import type { RemoteContext } from './context.ts';

const ending = '.intoto.jsonl';
const filesMax = 1000;

interface Verdict {
  file: string;
  verified: boolean;
  /** Why it is not verified; null when it is. */
  reason: string | null;
  /** The id of the key that signed it, as exports name it; null: none that was given. */
  key_id: string | null;
  digest_matches: boolean | null;
  statement: Record<string, unknown> | null;
}

export function imageVerifyCommand(noun: Command, { terminal }: RemoteContext): void {
  noun
    .command('verify <path>')
    .description(
      'check the signature and the digest of an exported file, or of all in a folder, and show what its provenance states; it needs no server',
    )
    .option('--key <file>', 'the public keys of those who may sign: PEM, or trusted.keys')
    .option('--json', 'print JSON')
    .action(async (path: string, flags: { key?: string; json?: boolean }) => {
      const keys = flags.key === undefined ? [] : await keysIn(flags.key);
      const verdicts: Verdict[] = [];
      for (const file of await filesAt(path)) verdicts.push(await verdictOn(file, keys));
      const text = verdicts.map(shown).join('\n');
      terminal.out(flags.json ? JSON.stringify(verdicts, null, 2) : text);
      if (!verdicts.every(({ verified }) => verified)) terminal.exitCode = exitCode('failed');
    });
}

async function keysIn(path: string): Promise<KeyObject[]> {
  try {
    return publicKeysOf(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `--key is ${path}, which gives no public key of ed25519 (${(error as Error).message}). On the host that signed it, type: openssl pkey -in signing.key -pubout`,
    );
  }
}

/** The exported files that a path names. Throws UsageError when there is none. */
async function filesAt(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new UsageError(`There is no file ${path}.`, 'not_found');
  if (!found.isDirectory()) return [path.endsWith(ending) ? path.slice(0, -ending.length) : path];
  const names = (await readdir(path)).filter((name) => name.endsWith(ending)).sort();
  if (names.length === 0)
    throw new UsageError(`No file in ${path} ends with ${ending}.`, 'not_found');
  if (names.length > filesMax)
    throw new UsageError(`${path} has ${names.length} exports; the most is ${filesMax} at once.`);
  return names.map((name) => join(path, name.slice(0, -ending.length)));
}

async function verdictOn(file: string, keys: readonly KeyObject[]): Promise<Verdict> {
  const nothing = { file, verified: false, key_id: null, digest_matches: null, statement: null };
  const opened = await openAt(`${file}${ending}`, keys);
  if ('fault' in opened) return { ...nothing, reason: opened.fault };
  const { statement, subjects, signedBy } = opened;
  const sha256 = await sha256File(file).catch(() => null);
  const matches = sha256 === null ? null : subjects.some((one) => one.sha256 === sha256);
  const key = signedBy === null ? undefined : keys[signedBy];
  const reason =
    matches === null
      ? 'the file cannot be read'
      : matches
        ? signatureFault(key, keys)
        : `the file has the digest ${sha256}, and the statement is about ${subjects.map((one) => one.sha256).join(', ')}`;
  const found = { key_id: key ? keyIdOf(key) : null, digest_matches: matches, statement };
  return { file, verified: reason === null, reason, ...found };
}

const signatureFault = (key: KeyObject | undefined, keys: readonly KeyObject[]) =>
  key !== undefined
    ? null
    : keys.length === 0
      ? 'its digest is right, and no key was given to check who signed it: --key FILE'
      : 'none of the keys has signed its statement';

async function openAt(
  path: string,
  keys: readonly KeyObject[],
): Promise<Opened | { fault: string }> {
  try {
    if ((await stat(path)).size > envelopeBytesMax) return { fault: `${path} is too large` };
    return openEnvelope(await readFile(path, 'utf8'), keys);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? 'is missing' : `cannot be used: ${(error as Error).message}`;
    return { fault: `its provenance, ${path}, ${why}` };
  }
}

/** A value of a statement, of which nothing is known. */
interface Loose {
  [name: string]: Loose | undefined;
}

/**
 * One verdict as lines. What an unsigned statement says is left out, because anybody may write it.
 */
function shown({ file, verified, reason, key_id: keyId, statement }: Verdict): string {
  if (!verified) return `${basename(file)}: not verified: ${reason}`;
  const { predicate, predicateType } = (statement ?? {}) as Loose;
  const { buildDefinition, runDetails } = (predicate ?? {}) as Loose;
  const image = buildDefinition?.externalParameters?.image;
  const made = buildDefinition?.resolvedDependencies;
  const parts = Array.isArray(made) ? made.map((one) => `${one?.name}`).join(', ') : '';
  return [
    `${basename(file)}: verified`,
    `  signed by   ${keyId}`,
    `  image       ${image?.name ?? 'without a name'} (${image?.id ?? '?'}, ${image?.source ?? '?'})`,
    `  made of     ${parts === '' ? 'nothing that is named' : parts}`,
    `  made by     ${runDetails?.builder?.id ?? '?'}, ${runDetails?.metadata?.finishedOn ?? '?'}`,
    `  states      ${predicateType ?? '?'}`,
  ].join('\n');
}
