// Disk files: made, measured, and (when they come from outside) mistrusted. qemu-img always runs in
// a cage and under limits, so that a hostile header reaches no more than the files that the call
// names.

import { chmod, chown, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { AppError, failedForNow, invalid } from '../../domain/error.ts';
import { chainHeightMax } from '../../domain/layer.ts';
import { syncPath } from '../../lib/files.ts';
import { CommandError, runCommand } from '../../lib/spawn.ts';
import { caged, type QemuUser } from './confine.ts';
import { giveTo } from './host.ts';
import { assertDiskFits } from './partition.ts';
import { assertQcow2Whole, isQcow2, parseQcow2Header, readingQcow2 } from './qcow2.ts';

const toolMs = 30_000;
const scanBytesPerSecond = 50 * 1000 ** 2;
const copyBytesPerSecond = 5 * 1000 ** 2;
const filesMax = 64;
const memoryBytesMax = 2 * 1024 ** 3;
/** What a tool keeps in mind of each layer of a large disk, of two chains at once. */
const layerMemoryBytes = 40 * 1024 ** 2;
const ownLayersMax = 2 * (chainHeightMax + 2);

/** The most that a timer takes. */
const mostMs = 2 ** 31 - 1;

/** How long a tool may take that looks through so many bytes, or copies them, on a slow disk. */
export const scanMs = (bytes: number) => limitMs(bytes, scanBytesPerSecond);
export const copyMs = (bytes: number) => limitMs(bytes, copyBytesPerSecond);
const limitMs = (bytes: number, bytesPerSecond: number) =>
  Math.min(mostMs, toolMs + Math.ceil((bytes / bytesPerSecond) * 1000));

interface ToolLimits {
  /**
   * It opens a file from outside, and that alone: its limits do not grow with the height of chains.
   */
  foreign?: boolean;
  timeoutMs?: number;
  bytesMax?: number | undefined;
  signal?: AbortSignal | undefined;
  /** The layers that it reads besides the files that its arguments name. */
  layers?: readonly string[];
}

/**
 * Runs qemu-img in a folder, from which absolute paths among its arguments are named (see
 * paths.ts). It sees these files alone.
 */
export async function qemuImg(
  args: readonly string[],
  user: QemuUser,
  cwd: string,
  { timeoutMs = toolMs, bytesMax, signal, foreign = false, layers = [] }: ToolLimits = {},
): Promise<string> {
  const height = foreign ? 0 : ownLayersMax;
  const memory = memoryBytesMax + height * layerMemoryBytes;
  const limits = [`--as=${memory}`, `--core=0`, `--nofile=${filesMax + height}`];
  if (bytesMax !== undefined && bytesMax < Number.MAX_SAFE_INTEGER)
    limits.push(`--fsize=${Math.max(0, Math.floor(bytesMax))}`);
  try {
    const [readable, writable]: [string[], string[]] = [[...layers], []];
    for (const path of args.filter(isAbsolute))
      ((await stat(path)).mode & 0o222 ? writable : readable).push(path);
    const named = args.map((arg) => (isAbsolute(arg) ? join('.', relative(cwd, arg)) : arg));
    // It ends with this process: one that went on after a kill would write beside its successor.
    const cage = { user, cwd, readable, writable, limits, mortal: true };
    const command = await caged(cage, 'qemu-img', named);
    return await runCommand(command.file, command.args, {
      ...command.options,
      timeoutMs,
      ...(signal && { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw explained(error, timeoutMs);
  }
}

/** A file grew above the limit that its tool was given. */
export class TooLarge extends AppError {
  constructor(detail: string) {
    super('invalid', 'The disk takes more than there is room for.', { detail });
  }
}

/** What went wrong with a tool. Its cause is the command's error. */
function explained(error: unknown, timeoutMs: number): AppError {
  const text = error instanceof CommandError ? `${error.message} ${error.output}` : String(error);
  if (/SIGXFSZ|File too large/i.test(text)) return new TooLarge(text);
  if (/No space left on device|Disk quota exceeded/i.test(text)) return diskFull(text);
  const options = { detail: text, cause: error };
  const ended = error instanceof CommandError ? error.ended : null;
  if (ended === 'limit')
    return failedForNow(
      `The host was too slow for a disk file: qemu-img did not end within ${Math.round(timeoutMs / 1000)} s. It says nothing of the file; try again when less is done on the host.`,
      options,
    );
  if (ended === 'killed')
    return failedForNow(
      'A tool that worked on a disk file was ended by the host, which may lack memory.',
      options,
    );
  return new AppError('internal', 'A disk file could not be made or read.', {
    ...options,
    retry: 'later',
  });
}

/** Whether the tool itself refused its input, rather than that something kept it from its work. */
const refusedInput = (error: unknown) =>
  error instanceof AppError &&
  error.code === 'internal' &&
  error.cause instanceof CommandError &&
  error.cause.exitCode === 1;

const lockTries = 20;
const lockMs = 100;

/**
 * Throws unless no process has the disk open for writing: QEMU locks what it writes to, whoever
 * started it.
 */
export async function assertUnused(path: string, user: QemuUser): Promise<void> {
  const { uid, gid } = await stat(path);
  // A disk belongs to the guest that was on with it last.
  const owner = user.ids === null || uid === 0 ? user : { ...user, ids: { uid, gid } };
  for (let tries = 1; ; tries++) {
    try {
      await qemuImg(['info', '-f', 'qcow2', path], owner, dirname(path));
      return;
    } catch (error) {
      const { detail } = error as AppError;
      if (!/\block\b/.test(detail ?? '')) throw error;
      // A process lets go of its files a moment after it is seen to have ended.
      if (tries === lockTries)
        throw failedForNow(
          "A process on this host still has the machine's disk open and may write to it, so no image is made of it; end that process (lsof names it), then try again.",
          { detail: `${path}: ${detail}` },
        );
      await new Promise((resolve) => setTimeout(resolve, lockMs));
    }
  }
}

export const diskFull = (detail: string) =>
  failedForNow("The host's disk is full. Free some space there, then try again.", { detail });

/** An empty overlay on a layer, in constant time. `path` lies one folder below the root. */
export async function createOverlay(
  path: string,
  backing: string,
  sizeBytes: number,
  user: QemuUser,
): Promise<void> {
  const part = `${path}.part`;
  try {
    await rm(part, { force: true });
    await writeFile(part, '', { mode: 0o600 });
    await giveTo(user, part);
    await qemuImg(
      // Unopened: the layer is looked for by who asks, and what it names is nothing to this.
      ['create', '-q', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', backing, part, String(sizeBytes)],
      user,
      dirname(path),
    );
    await syncPath(part);
    await rename(part, path);
    await syncPath(dirname(path));
  } catch (error) {
    await rm(part, { force: true });
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw diskFull(String(error));
    throw error;
  }
}

// Between the two changes of each a server may die: a tool that may not read what is root's can
// read the file at any moment.

/** Makes a file that nothing writes any more immutable, under the server's own user. */
export async function makeImmutable(path: string): Promise<void> {
  await syncPath(path);
  await chmod(path, 0o444);
  if (process.getuid?.() === 0) await chown(path, 0, 0);
}

/** Undoes that, for QEMU's user. */
export async function makeWritable(path: string, user: QemuUser): Promise<void> {
  await giveTo(user, path);
  await chmod(path, 0o600);
}

/** Bytes that a file takes on the disk. */
export async function storedBytes(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

const foreignFormats: [name: string, offset: number, magic: string][] = [
  ['a VMDK disk', 0, 'KDMV'],
  ['a VHDX disk', 0, 'vhdxfile'],
  ['a VHD disk', 0, 'conectix'],
  ['a VDI disk', 64, '\x7f\x10\xda\xbe'],
  ['compressed with gzip', 0, '\x1f\x8b'],
  ['compressed with xz', 0, '\xfd7zXZ'],
  ['compressed with zstd', 0, '\x28\xb5\x2f\xfd'],
  ['a zip archive', 0, 'PK\x03\x04'],
  ['an ISO image', 32769, 'CD001'],
  ['a tar archive', 257, 'ustar'],
];

/**
 * Reads the format of a file from outside out of its first bytes, with no tool that could follow
 * what they name. Throws `invalid` when it is not a qcow2 or raw disk, or names a backing file, a
 * data file, encryption or snapshots.
 */
export async function inspectForeignDisk(path: string): Promise<'qcow2' | 'raw'> {
  const handle = await open(path, 'r');
  const head = Buffer.alloc(64 * 1024);
  let bytesRead: number;
  let size: number;
  try {
    ({ bytesRead } = await handle.read(head, 0, head.length, 0));
    size = (await handle.stat()).size;
  } finally {
    await handle.close();
  }
  if (isQcow2(head.subarray(0, bytesRead))) {
    parseQcow2Header(head);
    return 'qcow2';
  }
  for (const [name, offset, magic] of foreignFormats) {
    if (head.toString('latin1', offset, offset + magic.length) === magic) {
      throw invalid(
        `The file is ${name}; give a qcow2 or raw disk (qemu-img convert -O qcow2 makes one).`,
      );
    }
  }
  const bootSector = head.readUInt16BE(510) === 0x55aa;
  const ext = head.readUInt16LE(1080) === 0xef53;
  const otherFileSystem = head.toString('latin1', 0, 4) === 'XFSB';
  if ((bootSector || ext || otherFileSystem) && size % 512 !== 0)
    throw invalid(
      `The file is cut off, or something follows its disk: it has ${size} bytes, and a raw disk has whole sectors of 512. For an export of Silversmith, give its manifest too (FILE.json).`,
    );
  if (size < 1024 * 1024 || !(bootSector || ext || otherFileSystem)) {
    throw invalid(
      'The file is not a disk: it is no qcow2, and has neither a partition table nor a file system.',
    );
  }
  return 'raw';
}

/**
 * What the content of a disk from outside may take once it is unpacked. Throws `invalid` for a file
 * that is cut off.
 */
export async function contentBytes(
  path: string,
  format: 'qcow2' | 'raw',
  signal: AbortSignal,
): Promise<number> {
  return format === 'qcow2' ? assertQcow2Whole(path, signal) : storedBytes(path);
}

/**
 * Throws `invalid` unless the file is whole and sound by itself: one that was cut off would be read
 * as zeros where its content is lost.
 */
async function assertSoundQcow2(path: string, user: QemuUser, signal?: AbortSignal): Promise<void> {
  await assertQcow2Whole(path, signal);
  const timeoutMs = scanMs((await stat(path)).size);
  await qemuImg(['check', '-f', 'qcow2', '--output=json', path], user, dirname(path), {
    timeoutMs,
    signal,
    foreign: true,
  }).catch((error: AppError) => {
    const { exitCode = null, output = '' } = error.cause instanceof CommandError ? error.cause : {};
    const count = (name: string) =>
      Number(new RegExp(`"${name}": ([0-9]+)`).exec(output)?.[1] ?? 0);
    if (exitCode === 2)
      throw invalid(
        `The file is damaged: qemu-img check finds ${count('corruptions')} errors in it; give a whole one.`,
      );
    if (exitCode === 3)
      throw invalid(
        `The file was not closed by the program that wrote it: qemu-img check finds ${count('leaks')} lost clusters, and expected none. Type: qemu-img check -r leaks FILE`,
      );
    throw refusedInput(error)
      ? invalid('The file is damaged: qemu-img check cannot read it.')
      : error;
  });
}

/**
 * Copies a checked file into a standalone qcow2 of our own making, and judges what is on its disk;
 * returns the size of the disk. Throws `invalid`, with what was expected and what was found, for a
 * file or a disk that is not whole.
 */
export async function convertForeignDisk(
  source: string,
  format: 'qcow2' | 'raw',
  target: string,
  user: QemuUser,
  { bytesMax = Number.MAX_SAFE_INTEGER, signal }: { bytesMax?: number; signal?: AbortSignal } = {},
): Promise<number> {
  const cwd = dirname(source);
  if (format === 'qcow2') await assertSoundQcow2(source, user, signal);
  const { size } = await stat(source);
  const damaged = (error: AppError) => {
    throw refusedInput(error) ? invalid('The file is damaged: qemu-img cannot read it.') : error;
  };
  const args = ['info', '--output=json', '-f', format, source];
  const text = await qemuImg(args, user, cwd, {
    timeoutMs: scanMs(size),
    signal,
    foreign: true,
  }).catch(damaged);
  const info = JSON.parse(text) as Record<string, unknown>;
  const data = (info['format-specific'] as { data?: Record<string, unknown> } | undefined)?.data;
  if (
    info['backing-filename'] !== undefined ||
    info.encrypted === true ||
    data?.['data-file'] !== undefined
  ) {
    throw invalid(
      'The file names another file or is encrypted; flatten it first: qemu-img convert -O qcow2 IN OUT',
    );
  }
  const virtualBytes = Number(info['virtual-size']);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, '', { mode: 0o600 });
  await giveTo(user, target);
  const timeoutMs = copyMs(size + Math.min(virtualBytes, bytesMax));
  const convert = ['convert', '-f', format, '-O', 'qcow2', source, target];
  await qemuImg(convert, user, cwd, { timeoutMs, bytesMax, signal, foreign: true }).catch(damaged);
  await readingQcow2(target, assertDiskFits);
  return virtualBytes;
}
