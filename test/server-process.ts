// A server in a process of its own, which can be killed and started again.

import { type ChildProcess, spawn } from 'node:child_process';
import { waitFor } from './support.ts';

export const entry = new URL('../src/bin/silversmith.js', import.meta.url).pathname;

export function serverProcess() {
  let child: ChildProcess | undefined;
  let closed: Promise<number | null> = Promise.resolve(0);
  return {
    pid: () => child?.pid ?? 0,
    /**
     * Starts `silversmith serve` with the flags. Waits until its output matches `ready`, and
     * resolves to the first group of the match.
     */
    start(flags: readonly string[], ready: RegExp, limitMs = 60_000): Promise<string> {
      let said = '';
      const started = spawn(process.execPath, [entry, 'serve', ...flags], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      child = started;
      started.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      closed = new Promise((resolve) => started.once('close', resolve));
      return waitFor('the server is ready', () => ready.exec(said)?.[1], limitMs);
    },
    /** Resolves to the exit status; null after a kill. Idempotent. */
    async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
      child?.kill(signal);
      return closed;
    },
  };
}
