// Runs a command to its end: no shell, bounded output, a time limit, and one error that says which of them was hit.

import { spawn } from 'node:child_process';

export interface SpawnOptions {
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
  /** What ended it before it ended by itself: its time limit, somebody's signal, or too much output; null: it ended by itself. */
  readonly ended: 'limit' | 'killed' | 'flooded' | null;
  constructor(message: string, exitCode: number | null, output: string, ended: CommandError['ended'] = null) {
    super(message);
    this.exitCode = exitCode;
    this.output = output;
    this.ended = ended;
  }
}

/** Resolves to standard output; throws CommandError, with the tail of what was printed, unless the command exits with 0. */
export function runCommand(file: string, args: readonly string[], options: SpawnOptions): Promise<string> {
  const { timeoutMs, outputBytesMax = 1024 * 1024, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...rest,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let bytes = 0;
    let flooded = false;
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= outputBytesMax) into.push(chunk);
      else {
        flooded = true;
        child.kill('SIGKILL');
      }
    };
    child.stdout.on('data', collect(out));
    child.stderr.on('data', collect(err));
    child.on('error', (error) => reject(new CommandError(`${file} cannot be run: ${error.message}`, null, '')));
    const startedAt = performance.now();
    child.on('close', (code, killedBy) => {
      const stdout = Buffer.concat(out).toString();
      if (code === 0 && !flooded) return resolve(stdout);
      // The kernel kills what takes too much memory with the same signal, before the limit.
      const late = child.killed && performance.now() - startedAt >= timeoutMs;
      const ended = flooded ? 'flooded' : killedBy === null ? null : late ? 'limit' : 'killed';
      const why = flooded
        ? `printed more than ${outputBytesMax} bytes`
        : late
          ? `did not end within ${timeoutMs} ms`
          : killedBy
            ? `was ended by ${killedBy}`
            : `failed with ${code}`;
      const output = `${Buffer.concat(err).toString()}${stdout}`.slice(-4000);
      reject(new CommandError(`${file} ${why}: ${output.trim()}`, code, output, ended));
    });
  });
}
