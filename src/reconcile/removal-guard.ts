// The removal guard decides whether expired things may be removed now. Without it, a
// clock that is set ahead for a moment would remove everything that can still be brought back.
//
// There are three rules. First, the wall clock must have kept step with the monotonic clock for a
// while. Second, a thing must have been over for a while by that steady clock, so that at least two
// looks found it over. Third, when far more things than usual would go at once, they stay for a day
// and the operator is told. Removal that does not depend on time (a full cache, a quota, layers
// that nothing needs) does not ask the guard.

import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Reader } from '../store/port/unit-of-work.ts';

const hourMs = 3600_000;
/**
 * How far the clocks may part before the wall clock counts as set. Daylight saving and slewing move
 * neither of them.
 */
const toleranceMs = 60_000;
/**
 * How long after the last look of the previous server the first look of this one may come. A
 * restart takes less; a longer absence counts like a clock that was set.
 */
const absenceMaxMs = 5 * 60_000;
/** How long a clock that was set must run steadily before it is trusted again. */
const steadyMs = hourMs;
/** How long far more things than usual stay before they go. */
const brakeMs = 24 * hourMs;
/** So many things of a kind may always go at once, and so may this share of all that are kept. */
const usualMost = 20;
const usualShare = 0.2;

export class RemovalGuard {
  readonly #clock: Clock;
  readonly #lookAgainMs: number;
  readonly #log: Log;
  /**
   * How far the wall clock is ahead of the monotonic one while it is steady; null before the first
   * look.
   */
  #offsetMs: number | null = null;
  /** The time, on the monotonic clock, from which things may be removed. */
  #trustedAt = 0;
  /** The reason why nothing is removed until then; null when no change of the clock was seen. */
  #distrust: string | null = null;
  /**
   * The kinds of which far more than usual would go: for how long that has been so, and when, on
   * the monotonic clock, it was last seen.
   */
  readonly #brakes = new Map<string, { heldMs: number; at: number; over: number; kept: number }>();
  /** For how long earlier servers had seen that, by kind. */
  #heldBefore: Record<string, number> = {};

  constructor({ clock, lookAgainMs, log }: { clock: Clock; lookAgainMs: number; log: Log }) {
    this.#clock = clock;
    this.#lookAgainMs = lookAgainMs;
    this.#log = log;
  }

  /**
   * Reads the clocks. Resolves to a time: things that expired before it may be removed now.
   * Resolves to null when nothing may be removed.
   */
  async look(work: Reader): Promise<number | null> {
    // The store is read before the clocks, because nothing may wait between the two clocks.
    const lastSteadyAt = this.#offsetMs === null ? await work.host.lastSteadyAt() : undefined;
    const held =
      this.#offsetMs === null
        ? (JSON.parse((await work.host.removalState()).brakes) as Record<string, number>)
        : null;
    const [wall, now] = [this.#clock.now(), this.#clock.monotonic()];
    const offsetMs = wall - now;
    if (this.#offsetMs === null) {
      const awayMs = lastSteadyAt === undefined ? 0 : wall - lastSteadyAt;
      const movedMs = Math.abs(awayMs) > absenceMaxMs ? awayMs : 0;
      this.#begin(
        offsetMs,
        movedMs,
        movedMs > 0 ? 'no server ran, or the clock moved, for' : undefined,
      );
      this.#heldBefore = held ?? {};
    } else if (Math.abs(offsetMs - this.#offsetMs) > toleranceMs)
      this.#begin(offsetMs, offsetMs - this.#offsetMs);
    if (now < this.#trustedAt) return null;
    this.#distrust = null;
    return wall - this.#lookAgainMs;
  }

  /** Whether the clock ran steadily up to the last look, as far as the guard can see. */
  isSteady(): boolean {
    return this.#distrust === null;
  }

  #begin(offsetMs: number, movedMs: number, why = 'the clock moved by'): void {
    this.#offsetMs = offsetMs;
    this.#brakes.clear();
    this.#heldBefore = {};
    this.#distrust = movedMs === 0 ? null : `${why} ${Math.round(movedMs / 1000)} s`;
    const waitMs = Math.max(movedMs === 0 ? 0 : steadyMs, this.#lookAgainMs);
    this.#trustedAt = this.#clock.monotonic() + waitMs;
    if (this.#distrust !== null)
      this.#log.warn(
        { movedMs, waitMs },
        `${this.#distrust}; what is kept for a time stays until it has run steadily`,
      );
  }

  /** Whether `over` expired things of a kind, of `kept` in all, may be removed now. */
  mayGo(kind: string, over: number, kept: number): boolean {
    if (over <= Math.max(usualMost, kept * usualShare)) {
      this.#brakes.delete(kind);
      delete this.#heldBefore[kind];
      return true;
    }
    const now = this.#clock.monotonic();
    const last = this.#brakes.get(kind);
    if (last === undefined)
      this.#log.warn(
        { kind, over, kept, waitMs: brakeMs },
        `far more ${kind} than usual would go; they stay for a day`,
      );
    const heldMs = last === undefined ? (this.#heldBefore[kind] ?? 0) : last.heldMs + now - last.at;
    this.#brakes.set(kind, { heldMs, at: now, over, kept });
    return heldMs >= brakeMs;
  }

  /**
   * Returns the state of the brakes as text, for the next server, so that a day of waiting does not
   * begin anew at each start.
   */
  brakes(): string {
    const now = [...this.#brakes].map(([kind, { heldMs }]) => [kind, Math.round(heldMs)] as const);
    return JSON.stringify({ ...this.#heldBefore, ...Object.fromEntries(now) });
  }

  /** Tells the operator which removal waits and why; null when none does. */
  waiting(): string | null {
    const braked = [...this.#brakes]
      .filter(([, { heldMs }]) => heldMs < brakeMs)
      .map(([kind, { over, kept }]) => `${over} of ${kept} ${kind} would go at once`);
    const all = this.#distrust === null ? braked : [this.#distrust, ...braked];
    return all.length === 0 ? null : all.join('; ');
  }
}
