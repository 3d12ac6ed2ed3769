// Shows how work goes on. On a terminal it is a bar that is written over, below the last lines that
// the work has printed; elsewhere a line is printed when the phase changes, and every ten seconds.

import { visible } from '../lib/visible.ts';
import type { Terminal } from './output.ts';
import { cut, widthOf } from './table.ts';

const tellEveryMs = 10_000;
/** Where a line cannot be written over, no two are closer, however often the phase changes. */
const tellAgainMs = 1000;
const barWidth = 20;
/** A phase has at least so many characters, or the bar is left out. */
const phaseMin = 14;
const tailLinesMax = 5;
/** Below these, what is left of the time would be a guess. */
const leastDone = 0.05;
const leastMs = 3000;

const seconds = (ms: number) => Math.floor(ms / 1000);

/** A time that is left, in the largest unit that says enough. */
function leftOf(ms: number): string {
  if (ms < 90_000) return `about ${Math.max(1, seconds(ms))} s left`;
  if (ms < 90 * 60_000) return `about ${Math.round(ms / 60_000)} min left`;
  return `about ${Math.round(ms / 3600_000)} h left`;
}

export const barOf = (done: number) => {
  const full = Math.round(Math.min(1, Math.max(0, done)) * barWidth);
  return `[${'#'.repeat(full)}${'.'.repeat(barWidth - full)}] `;
};

/**
 * Puts a bar and times beside a phase. A terminal that is too narrow cuts the phase, not the times.
 */
export function barLine(bar: string, phase: string, times: string, columns: number): string {
  const room = columns - widthOf(times);
  const shown = room - bar.length < Math.min(phaseMin, widthOf(phase)) ? '' : bar;
  return cut(`${shown}${cut(phase, Math.max(1, room - shown.length))}${times}`, columns);
}

/** The facts that a terminal shows beside the phase. */
interface Beside {
  /** How long the rest takes, where that is known; else it is estimated from `done`. */
  leftMs?: number | null;
  /** The last lines that the work has printed; as many are shown as there is room for. */
  tail?: readonly string[];
}

export interface Progress {
  /** Shows a phase. `share` says in words how much of it is done; `done` says so from 0 to 1. */
  say(phase: string, share?: string, done?: number | null, beside?: Beside): void;
  /** Removes what is shown from a terminal. */
  end(): void;
}

/** A text of others as a part of one line: a tab would be wider than it is counted. */
const inLine = (text: string) => visible(text).replaceAll('\n', ' ').replaceAll('\t', '  ');

/** Lines at the end of a terminal that are written over. */
class Region {
  #shown: readonly string[] = [];

  /** The width and the height of the terminal; one that does not know its own has the usual. */
  size() {
    const { columns, rows } = process.stderr;
    return { columns: columns || 80, rows: rows || 24 };
  }

  show(lines: readonly string[]): void {
    const { columns } = this.size();
    // A terminal that was made narrower shows a line in several rows.
    const rows = this.#shown.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)),
      0,
    );
    const up = rows > 1 ? `\x1b[${rows - 1}A` : '';
    this.#shown = lines;
    // All at once, so that no half of it is seen.
    process.stderr.write(`\r${up}\x1b[J${lines.join('\n')}`);
  }

  clear(): void {
    if (this.#shown.length > 0) this.show([]);
  }
}

/**
 * The line ends with the time since the start, so that a phase without a percentage visibly
 * continues, and on a terminal with an estimate of what is left.
 */
export function progressLine(terminal: Terminal, now: () => number = Date.now): Progress {
  const startedAt = now();
  const region = new Region();
  let phaseBefore = '';
  let toldAt = 0;
  const onTerminal = (phase: string, times: string, done: number | null, beside: Beside) => {
    const { columns, rows } = region.size();
    const tookMs = now() - startedAt;
    const isKnown = done !== null && done >= leastDone && tookMs >= leastMs;
    const leftMs = beside.leftMs ?? (isKnown ? (tookMs / done) * (1 - done) : null);
    const tailLines = Math.max(0, Math.min(tailLinesMax, rows - 3));
    const tail = tailLines === 0 ? [] : (beside.tail ?? []).slice(-tailLines);
    const left = leftMs === null ? '' : `, ${leftOf(leftMs)}`;
    const bar = done === null ? '' : barOf(done);
    region.show([
      ...tail.map((one) => cut(`  ${inLine(one)}`, columns - 1)),
      barLine(bar, inLine(phase), times + left, columns - 1),
    ]);
  };
  return {
    say(phase, share = '', done = null, beside = {}) {
      const at = now();
      const times = `${share === '' ? '' : ` (${share})`}, ${seconds(at - startedAt)} s`;
      if (terminal.interactive) {
        onTerminal(phase, times, done, beside);
        return;
      }
      const isFirst = phaseBefore === '';
      const isDue = phase !== phaseBefore && at - toldAt >= tellAgainMs;
      if (!isFirst && !isDue && at - toldAt < tellEveryMs) return;
      toldAt = at;
      phaseBefore = phase;
      terminal.err(phase + times);
    },
    end: () => region.clear(),
  };
}
