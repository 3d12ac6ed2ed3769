// Printing: results go to standard output, as a table or as JSON; everything else goes to standard
// error.

import { visible } from '../lib/visible.ts';

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether a progress line may be written over. */
  interactive: boolean;
  /** The exit status of the command; a command that failed without an error sets it. */
  exitCode: number;
}

/**
 * The terminal of this process. A reader that stops reading, such as `head`, is no error; a full
 * disk is one, and is reported.
 */
export function processTerminal(): Terminal {
  const terminal: Terminal = {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    interactive: process.stderr.isTTY === true,
    exitCode: 0,
  };
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    terminal.err(
      'error: What was printed could not be written; look at the file or the disk that it is sent to.',
    );
    terminal.exitCode = 1;
    process.exitCode = 1;
  });
  return terminal;
}

/**
 * Returns a terminal that escapes control characters, because much of the printed text comes from a
 * guest, a file or another caller.
 */
export const showing = (terminal: Terminal): Terminal => ({
  out: (text) => terminal.out(visible(text)),
  err: (text) => terminal.err(visible(text)),
  interactive: terminal.interactive,
  get exitCode() {
    return terminal.exitCode;
  },
  set exitCode(code) {
    terminal.exitCode = code;
  },
});

export const mb = (bytes: number) => (bytes / 1024 ** 2).toFixed(1);

/** A time to the minute, UTC. */
export const minute = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

type Cell = string | number | boolean | null | undefined;

/** The first line of a text, with a mark when there are more. */
const firstLine = (text: string) => text.replace(/:?\n[\s\S]*$/, ' …');

export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const text = [headings, ...rows].map((row) =>
    row.map((cell) => (cell === null || cell === undefined ? '-' : firstLine(String(cell)))),
  );
  const widths = headings.map((_, column) =>
    Math.max(...text.map((row) => row[column]?.length ?? 0)),
  );
  return text
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Prints an answer: as JSON when that was asked for, else as text for people. */
export function print(
  terminal: Terminal,
  flags: { json?: boolean | undefined },
  answer: object,
  human: string,
): void {
  terminal.out(flags.json ? JSON.stringify(answer, null, 2) : human);
}

const tellEveryMs = 10_000;

/**
 * A progress line. On a terminal it is written over; elsewhere a line is printed when the phase
 * changes, and every ten seconds. It ends with the time since the start, so that a phase without a
 * percentage visibly continues.
 */
export function progressLine(terminal: Terminal, now: () => number = Date.now) {
  const startedAt = now();
  let phaseBefore = '';
  let toldAt = 0;
  return {
    /** `share` says in words how much of the phase is done; when empty, it is left out. */
    say(phase: string, share = '') {
      const at = now();
      const line = `${phase}${share === '' ? '' : ` (${share})`}, ${Math.floor((at - startedAt) / 1000)} s`;
      if (terminal.interactive) process.stderr.write(`\r\x1b[K${visible(line)}`);
      else if (phase !== phaseBefore || at - toldAt >= tellEveryMs) {
        toldAt = at;
        terminal.err(line);
      }
      phaseBefore = phase;
    },
    end() {
      if (terminal.interactive && phaseBefore !== '') process.stderr.write('\r\x1b[K');
    },
  };
}
