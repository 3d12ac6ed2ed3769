// Printing: results go to standard output, as a table or as JSON; everything else goes to standard
// error.

import type { Environment } from '../lib/environment.ts';
import { visible } from '../lib/visible.ts';

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether a progress line may be written over. */
  interactive: boolean;
  /** The exit status of the command; a command that failed without an error sets it. */
  exitCode: number;
  /** The width of the terminal that standard output is; absent when it is none. */
  columns?: number | undefined;
  /** Whether colours may be shown on standard error. */
  hasColors?: boolean;
  /** Whether whoever read standard output has gone. */
  isClosed?: boolean;
  /** Shows a text that does not fit the terminal; absent where nobody can turn pages. */
  page?: ((text: string) => Promise<void>) | undefined;
  /** Asks a person; absent where nobody can be asked. Rejects with UsageError at Ctrl-C. */
  ask?: ((question: string) => Promise<string>) | undefined;
}

/**
 * The terminal of this process. A reader that stops reading, such as `head`, is no error; a full
 * disk is one, and is reported.
 */
export function processTerminal(env: Environment, { hasPager = true } = {}): Terminal {
  const isTerminal = process.stderr.isTTY === true;
  const canPage = hasPager && process.stdout.isTTY && process.stdin.isTTY && env.TERM !== 'dumb';
  const terminal: Terminal = {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    interactive: isTerminal && env.TERM !== 'dumb',
    exitCode: 0,
    get columns() {
      return process.stdout.isTTY ? process.stdout.columns : undefined;
    },
    // A variable that is there and empty counts as absent (no-color.org).
    hasColors: isTerminal && env.TERM !== 'dumb' && !env.NO_COLOR,
    page: canPage ? (text) => paged(text, terminal, env) : undefined,
    ask:
      isTerminal && process.stdin.isTTY
        ? async (question) => (await import('./ask.ts')).ask(question)
        : undefined,
  };
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    terminal.isClosed = true;
    if (error.code === 'EPIPE') return;
    terminal.err(
      'error: What was printed could not be written; look at the file or the disk that it is sent to.',
    );
    terminal.exitCode = 1;
    process.exitCode = 1;
  });
  return terminal;
}

async function paged(text: string, { out }: Terminal, env: Environment): Promise<void> {
  const fits = text.split('\n').length < (process.stdout.rows || 24);
  const { throughPager } = fits ? { throughPager: null } : await import('./pager.ts');
  if (!(await throughPager?.(text, env))) out(text);
}

/** Prints a result that may be long: in a pager where a person reads it. */
export const printLong = async (terminal: Terminal, text: string): Promise<void> =>
  terminal.page ? terminal.page(text) : terminal.out(text);

/**
 * Returns a terminal that escapes control characters, because much of the printed text comes from a
 * guest, a file or another caller.
 */
export const showing = (terminal: Terminal): Terminal => ({
  out: (text) => terminal.out(visible(text)),
  err: (text) => terminal.err(terminal.hasColors ? inColors(visible(text)) : visible(text)),
  interactive: terminal.interactive,
  get columns() {
    return terminal.columns;
  },
  hasColors: terminal.hasColors ?? false,
  get isClosed() {
    return terminal.isClosed ?? false;
  },
  page: terminal.page && (async (text) => terminal.page?.(visible(text))),
  ask: terminal.ask && ((question) => terminal.ask?.(visible(question)) ?? Promise.resolve('')),
  get exitCode() {
    return terminal.exitCode;
  },
  set exitCode(code) {
    terminal.exitCode = code;
  },
});

/** Shows in red that a line is an error. */
const inColors = (text: string) => text.replace(/^error:/, '\x1b[31merror:\x1b[39m');

export const mb = (bytes: number) => (bytes / 1024 ** 2).toFixed(1);

/** A time to the minute, UTC. */
export const minute = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

/** Prints an answer: as JSON when that was asked for, else as text for people. */
export function print(
  terminal: Terminal,
  flags: { json?: boolean | undefined },
  answer: object,
  human: string,
): void {
  terminal.out(flags.json ? JSON.stringify(answer, null, 2) : human);
}
