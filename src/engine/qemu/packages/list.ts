// Makes the list of the packages on a chain of layers, and compares the files of two. What is on
// the disk was written by a guest, so a process in a cage reads it (reader.ts), under limits on
// time, memory and output. It sees the files of the chain and this program, nothing else, and has
// no network.

import { basename, dirname, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AppError, failedForGood, failedForNow } from '../../../domain/error.ts';
import { fileDifferenceBytesMax, parseFileDifference } from '../../../domain/file-difference.ts';
import type { LayerId } from '../../../domain/ids.ts';
import { parsePackageList } from '../../../domain/package-list.ts';
import { exists } from '../../../lib/files.ts';
import { CommandError, runCommand } from '../../../lib/spawn.ts';
import type { Packages } from '../../optional/packages.ts';
import { caged, cageRefused, type QemuUser } from '../confine.ts';
import type { Paths } from '../paths.ts';

const timeoutMs = 600_000;
/** Node takes most of it only when a database is large. */
const memoryBytesMax = 1024 ** 3;
const heapMb = 512;
const cpuSeconds = 120;

/** The built program has other endings. */
const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const script = fileURLToPath(new URL(`./reader.${ending}`, import.meta.url));
/** The folder whose files the script loads. */
const sources = fileURLToPath(new URL('../../..', import.meta.url));

export const packagesIn = (paths: Paths, user: QemuUser): Packages => ({
  async list({ chain }, { signal }) {
    return parsePackageList(await answerTo([await filesOf(chain, paths)], signal, paths, user));
  },
  async compareFiles({ from, chain }, { signal }) {
    const both = [await filesOf(from, paths), await filesOf(chain, paths)];
    return parseFileDifference(await answerTo(both, signal, paths, user));
  },
});

async function filesOf(chain: readonly LayerId[], paths: Paths): Promise<string[]> {
  const files = chain.map(paths.layer);
  for (const file of files)
    if (!(await exists(file)))
      throw failedForGood('A layer of this image is missing.', { detail: file });
  return files;
}

/**
 * What the process prints for one chain, or for two that it compares. Throws for what it refuses.
 */
async function answerTo(
  chains: readonly (readonly string[])[],
  signal: AbortSignal,
  paths: Paths,
  user: QemuUser,
): Promise<string> {
  const printed = await read(chains, signal, paths, user);
  const { unread } = JSON.parse(printed) as { unread?: unknown };
  if (unread === undefined) return printed;
  throw failedForGood(`not read: ${plain(String(unread))}`);
}

const plain = (text: string) => text.replaceAll(/\p{Cc}/gu, '?').slice(0, 500);

async function read(
  chains: readonly (readonly string[])[],
  signal: AbortSignal,
  { root }: Paths,
  user: QemuUser,
): Promise<string> {
  const node = process.execPath;
  const cage = {
    user: { ...user, path: `${dirname(node)}:${user.path}` },
    cwd: root,
    readable: chains.flat(),
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
    const named = chains.map((files) => files.map((file) => relative(root, file)).join(','));
    const command = await caged(cage, basename(node), [...flags, script, ...named]);
    const limits = { timeoutMs, outputBytesMax: fileDifferenceBytesMax, signal };
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
    return failedForNow('The disk was not read in time; it is tried again.', options);
  return failedForGood(
    'not read: the program that reads its disk failed on it, so the disk may be damaged',
    options,
  );
}
