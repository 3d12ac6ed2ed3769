// Runs a command to its end, without a shell, with a limit on its time and one on its output. One
// error says which limit was exceeded, or how the command failed.

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

/** A PATH with the folders in which Linux systems keep their programs. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

interface SpawnOptions {
  /** The whole environment of the command. It inherits nothing, since ours may hold secrets. */
  env: Record<string, string>;
  cwd?: string;
  uid?: number;
  gid?: number;
  timeoutMs: number;
  outputBytesMax?: number;
  signal?: AbortSignal;
  /**
   * The command stays in our session: it may ask at the terminal, whose Ctrl-C ends it too. At a
   * limit it is killed, and what it has started is not. Otherwise it gets a session of its own, in
   * which everything is killed.
   */
  sharesTerminal?: boolean;
}

export class CommandError extends Error {
  readonly exitCode: number | null;
  readonly output: string;
  /**
   * `limit`: its time was over. `killed`: a signal came, from us or from outside. `flooded`: it
   * printed too much. Null: it ended by itself.
   */
  readonly ended: 'limit' | 'killed' | 'flooded' | null;
  /** The name of the signal that ended it, from whomever. */
  readonly signal: string | null;
  constructor(
    message: string,
    exitCode: number | null,
    output: string,
    { ended = null, signal = null }: Partial<Pick<CommandError, 'ended' | 'signal'>> = {},
  ) {
    super(message);
    this.exitCode = exitCode;
    this.output = output;
    this.ended = ended;
    this.signal = signal;
  }
}

/**
 * Kills a child that was started as `detached`, and everything that it has started. Idempotent:
 * nothing happens when they have ended.
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
 * The signal that ended the program which the command ran for us; null when none did. A shell or a
 * cage then exits with 128 plus the number of the signal.
 */
function signalIn(code: number | null): string | null {
  const found = Object.entries(constants.signals).find(([, number]) => code === 128 + number);
  return found?.[0] ?? null;
}

/**
 * Runs a command and returns its standard output. Throws CommandError, with the end of the output,
 * unless the command exits with 0. Kills it and its children at a limit, or when the signal aborts.
 */
export function runCommand(
  file: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<string> {
  const { timeoutMs, outputBytesMax = 1024 * 1024, signal, sharesTerminal, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...rest,
      detached: !sharesTerminal,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kill = () => {
      if (sharesTerminal) child.kill('SIGKILL');
      else killGroup(child);
      // A program that it has started in a session of its own is not killed, and may keep the pipes
      // open.
      child.stdout.destroy();
      child.stderr.destroy();
    };
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
      // SIGKILL comes from us, or from the kernel when memory is short: the command may be tried
      // again. A signal that a program sends to itself (SIGABRT) is its own failure.
      const ended: CommandError['ended'] = flooded
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
      const how = { ended, signal: by };
      reject(new CommandError(`${file} ${why}: ${output.trim()}`, code, output, how));
    });
  });
}
