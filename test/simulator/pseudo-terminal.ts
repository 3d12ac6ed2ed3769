// Runs a command of the real binary in a pseudo-terminal, as a person types it. `script`, which is
// part of every Debian, makes the terminal.

import { spawn } from 'node:child_process';
import { entry } from '../server-process.ts';
import { defer, type Scope, waitFor } from '../support.ts';

interface Options {
  env: Readonly<Record<string, string | undefined>>;
  columns?: number;
  rows?: number;
}

const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** Starts the command; the test kills it when it has not ended by itself. */
export function inTerminal(
  t: Scope,
  { env, columns = 80, rows = 24 }: Options,
  ...args: readonly string[]
) {
  const typed = [process.execPath, entry, ...args].map(quoted).join(' ');
  const line = `stty cols ${columns} rows ${rows}; exec ${typed}`;
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    // Nobody turns the pages of a long result, unless a test names a pager.
    env: { TERM: 'xterm', SHELL: '/bin/sh', PAGER: '', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  defer(t, async () => {
    child.kill('SIGKILL');
    await closed;
  });
  return {
    /** All that was written to the terminal so far, with its escapes. */
    shown: () => shown,
    /** Resolves once the pattern was shown. */
    shows: (pattern: RegExp) => waitFor(`${pattern} is shown`, () => pattern.exec(shown)),
    type: (text: string) => child.stdin.write(text),
    /** Resolves to the exit status. */
    closed,
  };
}
