// Runs the tools that compress files and unpack those from outside. Each runs in a cage, and its
// output is a stream, so that what it makes is bounded while it comes.

import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Compression } from '../../domain/disk-kind.ts';
import { AppError, failedForNow, invalid } from '../../domain/error.ts';
import { OutputTail } from '../../lib/output-tail.ts';
import { killGroup } from '../../lib/spawn.ts';
import { caged, type QemuUser } from './confine.ts';

export interface Tool {
  program: string;
  /** An absolute path among them is the file that it reads; see `path`. */
  args: readonly string[];
  path: string;
  user: QemuUser;
  /** A folder below the engine's. */
  cwd: string;
}

/** Enough for the largest window that xz and zstd use unless they are told otherwise. */
const memoryBytesMax = 1024 ** 3;
const packages: Record<string, string> = {
  bzip2: 'bzip2',
  gzip: 'gzip',
  unzip: 'unzip',
  xz: 'xz-utils',
  zstd: 'zstd',
};

/** Exit statuses that tell of something beside the content, such as bytes that follow it. */
const warnings: Record<string, number> = { gzip: 2, unzip: 1 };

/** The tools that compress an export, at fast levels, because a disk has gigabytes. */
export const packers = {
  gzip: { program: 'gzip', args: ['-1cn'] },
  zstd: { program: 'zstd', args: ['-3cq'] },
} as const;

export const unpackArgs: Record<Compression, string[]> = {
  gzip: ['-dc'],
  bzip2: ['-dc'],
  xz: ['-dc', '--memlimit-decompress=512MiB'],
  zstd: ['-dcq', '--memory=512MB'],
};

/**
 * Starts a command in a cage whose standard input is the file; it writes to its standard output.
 */
async function startTool({ program, args, path, user, cwd }: Tool) {
  const named = args.map((arg) => (arg === path ? join('.', relative(cwd, arg)) : arg));
  const cage = {
    user,
    cwd,
    readable: args.includes(path) ? [path] : [],
    writable: [],
    limits: [`--as=${memoryBytesMax}`, '--core=0', '--nofile=64'],
    mortal: true,
  };
  const command = await caged(cage, program, named).catch((error: unknown) => {
    if (!new RegExp(`^Error: ${program} is in none of`).test(String(error))) throw error;
    throw new AppError(
      'unavailable',
      `${program} is not on the host, and this work needs it. Install it (Debian: sudo apt-get install ${packages[program]}), then try again.`,
      { detail: String(error) },
    );
  });
  const input = await open(path, 'r');
  try {
    const child = spawn(command.file, command.args, {
      ...command.options,
      detached: true,
      stdio: [input.fd, 'pipe', 'pipe'],
    });
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new TypeError('a tool without pipes');
    return { child, stdout, stderr };
  } finally {
    await input.close();
  }
}

/**
 * The output of a tool that reads a file, in pieces. Throws `invalid` when the tool refuses the
 * file, `unavailable` when something ended the tool, and the reason of the signal. The tool is
 * ended when the caller wants no more.
 */
export async function* outputOf(tool: Tool, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { child, stdout, stderr } = await startTool(tool);
  const said = new OutputTail();
  stderr.on('data', (piece: Buffer) => said.push(piece));
  const ended = new Promise<AppError | null>((resolve) => {
    child.once('error', (error) =>
      resolve(failedForNow('A tool could not be started.', { detail: String(error) })),
    );
    child.once('close', (code, by) => resolve(faultOf(tool.program, code, by, said.toString())));
  });
  const kill = () => killGroup(child);
  signal.addEventListener('abort', kill, { once: true });
  try {
    signal.throwIfAborted();
    for await (const piece of stdout) yield piece as Buffer;
    const fault = await ended;
    signal.throwIfAborted();
    if (fault) throw fault;
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
  }
}

function faultOf(
  program: string,
  code: number | null,
  by: string | null,
  said: string,
): AppError | null {
  if (code === 0 || code === warnings[program]) return null;
  const detail = `${program} ended with ${by ?? code}: ${said.slice(-2000)}`;
  // 128 and a signal: the tool in the cage was killed.
  if (by !== null || code === 137)
    return failedForNow(
      'A tool that worked on a file was ended by the host, which may lack memory.',
      { detail },
    );
  const why = said.trim().split('\n')[0]?.slice(0, 200) ?? '';
  return /[Mm]emory/.test(why)
    ? invalid(
        `The file is packed so that ${program} needs more than 512 MB of memory for it; pack it with the usual options.`,
      )
    : invalid(
        `The file is cut off or damaged: ${program} cannot unpack it (${why}). Send the whole file.`,
      );
}
