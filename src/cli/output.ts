// What the command line prints: results to standard output, as a table or as JSON; everything else to standard error.

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether a progress line may be written over. */
  interactive: boolean;
  /** What the command exits with; a command that failed without an error sets it. */
  exitCode: number;
}

export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  interactive: process.stderr.isTTY === true,
  exitCode: 0,
};

export const mb = (bytes: number) => (bytes / 1024 ** 2).toFixed(1);

/** A time to the minute, UTC. */
export const minute = (ms: number) => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

export type Cell = string | number | boolean | null | undefined;

export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const text = [headings, ...rows].map((row) =>
    row.map((cell) => (cell === null || cell === undefined ? '-' : String(cell))),
  );
  const widths = headings.map((_, column) => Math.max(...text.map((row) => row[column]?.length ?? 0)));
  return text
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A line that is written over on a terminal, and printed when it changes elsewhere. */
export function progressLine(terminal: Terminal) {
  let last = '';
  return {
    say(line: string) {
      if (line === last) return;
      last = line;
      if (terminal.interactive) process.stderr.write(`\r\x1b[K${line}`);
      else terminal.err(line);
    },
    end() {
      if (terminal.interactive && last !== '') process.stderr.write('\r\x1b[K');
    },
  };
}
