// Asks a person at the terminal. The question goes to standard error, so that standard output has
// results only.

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { UsageError } from './parse.ts';

interface Options {
  /** Whether what is typed must not be shown, such as a secret. */
  isHidden?: boolean;
}

/**
 * Resolves to the line that was typed; empty at the end of the input. Rejects with UsageError at
 * Ctrl-C.
 */
export function ask(question: string, { isHidden = false }: Options = {}): Promise<string> {
  // readline shows what is typed by writing it to its output.
  const output = isHidden
    ? new Writable({ write: (_chunk, _encoding, done) => done() })
    : process.stderr;
  const lines = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
  // Ctrl-C has its meaning before a person reads the question.
  process.stderr.write(question);
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('SIGINT', () => {
      reject(new UsageError('Interrupted; nothing was changed.', 'interrupted'));
      lines.close();
    });
    lines.once('close', () => {
      if (isHidden) process.stderr.write('\n');
      resolve('');
    });
  });
}
