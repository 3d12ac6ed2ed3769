// Runs a command to its end: no shell, bounded output, a time limit, and one error that says which
// of them was hit.

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Folders in which a system has its programs, as PATH has them. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface SpawnOptions {
  /**
   * All that the command finds in its environment: nothing of this process's, which may hold
   * secrets.
   */
  env: Record<string, string>;
  cwd?: string;
  uid?: number;
  gid?: number;
  timeoutMs: number;
  outputBytesMax?: number;
  signal?: AbortSignal;
}

export class CommandError extends Error {
  readonly exitCode: number | null;
  readonly output: string;
  /**
   * What ended it before it ended by itself: its time limit, somebody's signal, or too much output;
   * null: it ended by itself.
   */
  readonly ended: 'limit' | 'killed' | 'flooded' | null;
  constructor(
    message: string,
    exitCode: number | null,
    output: string,
    ended: CommandError['ended'] = null,
  ) {
    super(message);
    this.exitCode = exitCode;
    this.output = output;
    this.ended = ended;
  }
}

/**
 * Ends a child that was started as `detached`, and all that it has started. Nothing happens when it
 * is gone.
 */
export function killGroup({ pid }: ChildProcess, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * The signal that ended what a command ran for us: a shell or a cage exits with 128 more than its
 * number.
 */
function signalIn(code: number | null): string | null {
  const found = Object.entries(constants.signals).find(([, number]) => code === 128 + number);
  return found?.[0] ?? null;
}

/**
 * Resolves to standard output; throws CommandError, with the tail of what was printed, unless the
 * command exits with 0.
 */
export function runCommand(
  file: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<string> {
  const { timeoutMs, outputBytesMax = 1024 * 1024, signal, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...rest, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const kill = () => killGroup(child);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      kill();
    }, timeoutMs);
    if (signal?.aborted) kill();
    signal?.addEventListener('abort', kill, { once: true });
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', kill);
    };
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let bytes = 0;
    let flooded = false;
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= outputBytesMax) into.push(chunk);
      else {
        flooded = true;
        kill();
      }
    };
    child.stdout.on('data', collect(out));
    child.stderr.on('data', collect(err));
    child.on('error', (error) => {
      over();
      reject(new CommandError(`${file} cannot be run: ${error.message}`, null, ''));
    });
    child.on('close', (code, killedBy) => {
      over();
      const stdout = Buffer.concat(out).toString();
      if (code === 0 && !flooded) return resolve(stdout);
      const by = killedBy ?? signalIn(code);
      // The kernel kills what takes too much memory; what a program does to itself (SIGABRT) is its
      // own failure.
      const ended = flooded
        ? 'flooded'
        : late
          ? 'limit'
          : by === 'SIGKILL' || by === 'SIGTERM'
            ? 'killed'
            : null;
      const why = flooded
        ? `printed more than ${outputBytesMax} bytes`
        : late
          ? `did not end within ${timeoutMs} ms`
          : by
            ? `was ended by ${by}`
            : `failed with ${code}`;
      const output = `${Buffer.concat(err).toString()}${stdout}`.slice(-4000);
      reject(new CommandError(`${file} ${why}: ${output.trim()}`, code, output, ended));
    });
  });
}
