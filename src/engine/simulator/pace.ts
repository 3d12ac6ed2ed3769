// How long the simulator's work takes, and the name of a guest that never gets ready.

import type { Clock } from '../../lib/clock.ts';

export const durations = { bootMs: 8000, buildMs: 6000, stopMs: 2000, cloneMs: 200 };

/** A guest never reports ready when the disk of its base holds this text. */
export const neverReady = 'sim-never-ready';

export interface Pace {
  clock: Clock;
  /** How many times faster than a real engine; 0 is without any waiting. */
  speed: number;
}

export const wait = ({ clock, speed }: Pace, ms: number, signal: AbortSignal) =>
  speed === 0 ? Promise.resolve() : clock.sleep(ms / speed, signal);
