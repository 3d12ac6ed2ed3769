// Makes the list of the packages on a chain of layers. What is on the disk was written by a guest, so
// a process in a cage reads it (reader.ts), under limits on time, memory and output. It sees the
// files of the chain and this program, nothing else, and has no network.

import { basename, dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AppError, failedForGood, failedForNow } from '../../../domain/error.ts';
import {
  type PackageList,
  packageListBytesMax,
  parsePackageList,
} from '../../../domain/package-list.ts';
import { exists } from '../../../lib/files.ts';
import { CommandError, runCommand } from '../../../lib/spawn.ts';
import type { PackagesSpec } from '../../optional/packages.ts';
import { caged, cageRefused, type QemuUser } from '../confine.ts';
import type { Paths } from '../paths.ts';

const timeoutMs = 120_000;
/** Node takes most of it only when a database is large. */
const memoryBytesMax = 1024 ** 3;
const heapMb = 512;
const cpuSeconds = 60;

/** The built program has other endings. */
const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const script = fileURLToPath(new URL(`./reader.${ending}`, import.meta.url));
/** The folder whose files the script loads. */
const sources = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Throws `internal` when the disk has no list to give, with the reason, and `unavailable` when
 * something kept the process from its work.
 */
export async function listPackages(
  { chain }: PackagesSpec,
  signal: AbortSignal,
  paths: Paths,
  user: QemuUser,
): Promise<PackageList> {
  const files = chain.map(paths.layer);
  for (const file of files)
    if (!(await exists(file)))
      throw failedForGood('A layer of this image is missing.', { detail: file });
  const printed = await read(files, signal, paths, user);
  const { unread } = JSON.parse(printed) as { unread?: unknown };
  if (unread === undefined) return parsePackageList(printed);
  throw failedForGood(`not read: ${plain(String(unread))}`);
}

const plain = (text: string) => text.replaceAll(/\p{Cc}/gu, '?').slice(0, 500);

async function read(
  files: readonly string[],
  signal: AbortSignal,
  { root }: Paths,
  user: QemuUser,
): Promise<string> {
  const node = process.execPath;
  const cage = {
    user: { ...user, path: `${dirname(node)}:${user.path}` },
    cwd: root,
    readable: files,
    writable: [],
    programs: [sources],
    limits: [
      `--data=${memoryBytesMax}`,
      `--cpu=${cpuSeconds}`,
      '--core=0',
      '--nofile=256',
      '--fsize=0',
    ],
    mortal: true,
  };
  const flags = [`--max-old-space-size=${heapMb}`, '--no-warnings'];
  try {
    const named = files.map((file) => relative(root, file));
    const command = await caged(cage, basename(node), [...flags, script, ...named]);
    const limits = { timeoutMs, outputBytesMax: packageListBytesMax, signal };
    return await runCommand(command.file, command.args, { ...command.options, ...limits });
  } catch (error) {
    signal.throwIfAborted();
    throw explained(error);
  }
}

function explained(error: unknown): AppError {
  const text = error instanceof CommandError ? `${error.message} ${error.output}` : String(error);
  const refused = cageRefused(text);
  if (refused) return refused;
  const options = { detail: text, cause: error };
  const ended = error instanceof CommandError ? error.ended : null;
  if (ended === 'limit' || ended === 'killed')
    return failedForNow('The list of packages was not read in time; it is tried again.', options);
  return failedForGood(
    'not read: the program that reads its disk failed on it, so the disk may be damaged',
    options,
  );
}
