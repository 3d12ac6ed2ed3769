// A progress line. On a terminal it is a bar that is written over; elsewhere a line is printed when
// the phase changes, and every ten seconds.

import { visible } from '../lib/visible.ts';
import type { Terminal } from './output.ts';
import { cut } from './table.ts';

const tellEveryMs = 10_000;
const barWidth = 20;
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

export interface Progress {
  /** Shows a phase. `share` says in words how much of it is done; `done` says so from 0 to 1. */
  say(phase: string, share?: string, done?: number | null): void;
  /** Removes the line from a terminal. */
  end(): void;
}

/**
 * The line ends with the time since the start, so that a phase without a percentage visibly
 * continues, and on a terminal with an estimate of what is left.
 */
export function progressLine(terminal: Terminal, now: () => number = Date.now): Progress {
  const startedAt = now();
  let phaseBefore = '';
  let toldAt = 0;
  const write = (text: string) => void process.stderr.write(text);
  return {
    say(phase, share = '', done = null) {
      const at = now();
      const tookMs = at - startedAt;
      const line = `${phase}${share === '' ? '' : ` (${share})`}, ${seconds(tookMs)} s`;
      if (terminal.interactive) {
        const isKnown = done !== null && done >= leastDone && tookMs >= leastMs;
        const left = isKnown ? `, ${leftOf((tookMs / done) * (1 - done))}` : '';
        const whole = `${done === null ? '' : barOf(done)}${line}${left}`;
        write(`\r\x1b[K${cut(visible(whole).replaceAll('\n', ' '), process.stderr.columns - 1)}`);
      } else if (phase !== phaseBefore || at - toldAt >= tellEveryMs) {
        toldAt = at;
        terminal.err(line);
      }
      phaseBefore = phase;
    },
    end() {
      if (terminal.interactive && phaseBefore !== '') write('\r\x1b[K');
    },
  };
}
