// Runs qemu-img. It always runs in a cage and under limits, so that a hostile header reaches no
// more than the files that the call names. Each failure becomes an AppError.

import { stat } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { AppError, failedForNow } from '../../domain/error.ts';
import { diskFull } from '../../domain/host.ts';
import { chainHeightMax } from '../../domain/layer.ts';
import { CommandError, runCommand } from '../../lib/spawn.ts';
import { caged, type QemuUser } from './confine.ts';

const toolMs = 30_000;
const scanBytesPerSecond = 50 * 1000 ** 2;
const copyBytesPerSecond = 5 * 1000 ** 2;
const filesMax = 64;
const memoryBytesMax = 2 * 1024 ** 3;
/** The memory that a tool needs for each layer of a large disk, with two chains open at once. */
const layerMemoryBytes = 40 * 1024 ** 2;
const ownLayersMax = 2 * (chainHeightMax + 2);

/** The most that a timer takes. */
const mostMs = 2 ** 31 - 1;

/** How long a tool may take that looks through so many bytes, or copies them, on a slow disk. */
export const scanMs = (bytes: number) => limitMs(bytes, scanBytesPerSecond);
export const copyMs = (bytes: number) => limitMs(bytes, copyBytesPerSecond);
const limitMs = (bytes: number, bytesPerSecond: number) =>
  Math.min(mostMs, toolMs + Math.ceil((bytes / bytesPerSecond) * 1000));

export interface ToolLimits {
  /**
   * It opens one file from outside and no layers, so its limits do not grow with the height of
   * chains.
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
    // The tool ends with this process. Otherwise it would go on after a kill, and write beside its
    // successor.
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

/**
 * Moves an overlay onto another layer; the overlay keeps the difference from that layer. It is not
 * synced, neither at the end nor, as the tool would do, again and again in between: until the
 * caller has synced the whole file, nothing needs it.
 */
export const rebase = (
  overlay: string,
  backing: string,
  user: QemuUser,
  cwd: string,
  limits: ToolLimits,
) => {
  const formats = ['-f', 'qcow2', '-F', 'qcow2'];
  const args = ['rebase', '-q', '-t', 'unsafe', ...formats, '-b', backing, overlay];
  return qemuImg(args, user, cwd, limits);
};

/** Throws unless two qcow2 files have the same content, whatever they stand on. */
export const assertSame = (
  one: string,
  other: string,
  user: QemuUser,
  cwd: string,
  limits: ToolLimits,
) => {
  const formats = ['-f', 'qcow2', '-F', 'qcow2'];
  return qemuImg(['compare', '-q', ...formats, one, other], user, cwd, limits);
};

/** A file grew above the limit that its tool was given. */
export class TooLarge extends AppError {
  constructor(detail: string) {
    super('invalid', 'The disk takes more than there is room for.', { detail });
  }
}

/** Turns a command's error into an AppError, and keeps it as the cause. */
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

/** Signals that a program gets by its own fault, such as a header that it does not bear. */
const crashes = /was ended by SIG(?:SEGV|ABRT|BUS|ILL|FPE|TRAP|SYS)\b/;

/**
 * Whether the tool itself refused its input, crashed on it, or found faults in it without an end,
 * rather than that something kept it from its work.
 */
export const refusedInput = (error: unknown) =>
  error instanceof AppError &&
  error.code === 'internal' &&
  error.cause instanceof CommandError &&
  (error.cause.exitCode === 1 ||
    error.cause.ended === 'flooded' ||
    crashes.test(error.cause.message));
