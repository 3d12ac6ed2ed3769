// Asked before anything is removed because its time is over. A clock that was set ahead for a
// moment would otherwise remove, at once, all that can still be brought back.
//
// Three rules. The wall clock must have kept step with the monotonic one for a while. A thing must
// have been over for a while by that steady clock, so that at least two looks found it over. And
// when far more than usual would go at once, that waits for a day and is told to the operator. What
// does not depend on the time (a full cache, a budget, what nothing needs) is not asked here.

import type { Clock } from '../lib/clock.ts';
import type { Work } from '../store/port.ts';
import type { Log } from './context.ts';

const hourMs = 3600_000;
/**
 * How far the clocks may part before the wall clock counts as set. Daylight saving and slewing move
 * neither of them.
 */
const toleranceMs = 60_000;
/**
 * How far the first look of a server may be from the last of the one before: a restart, not a
 * night.
 */
const absenceMaxMs = 5 * 60_000;
/** How long a clock that was set must run steadily before it is trusted again. */
const steadyMs = hourMs;
const brakeMs = 24 * hourMs;
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
  /** On the monotonic clock: when removal may begin. */
  #trustedAt = 0;
  /** Why nothing is removed until then; null when the clock was never seen to be set. */
  #distrust: string | null = null;
  /**
   * For how long far more than usual of a kind would go, and when, on the monotonic clock, that was
   * last so.
   */
  readonly #brakes = new Map<string, { heldMs: number; at: number; over: number; kept: number }>();
  /** The same, of the servers before this one. */
  #heldBefore: Record<string, number> = {};

  constructor({ clock, lookAgainMs, log }: { clock: Clock; lookAgainMs: number; log: Log }) {
    this.#clock = clock;
    this.#lookAgainMs = lookAgainMs;
    this.#log = log;
  }

  /**
   * Looks at the clocks, and resolves to the time before which a thing's end must lie for it to go
   * now; null: nothing may go.
   */
  async look(work: Work): Promise<number | null> {
    // Read before the clocks: what follows them must not wait.
    const lastSteadyAt = this.#offsetMs === null ? await work.host.lastSteadyAt() : undefined;
    const held =
      this.#offsetMs === null
        ? (JSON.parse((await work.host.waiting()).brakes) as Record<string, number>)
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

  /** Whether the clock ran steadily up to the last look, as far as can be told. */
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

  /** Whether so many of the `kept` things of a kind, whose time is over, may go now. */
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
   * What the next server has to know of it, as text. A day of waiting does not begin anew with each
   * start.
   */
  brakes(): string {
    const now = [...this.#brakes].map(([kind, { heldMs }]) => [kind, Math.round(heldMs)] as const);
    return JSON.stringify({ ...this.#heldBefore, ...Object.fromEntries(now) });
  }

  /** What waits, for the operator; null when nothing does. */
  waiting(): string | null {
    const braked = [...this.#brakes]
      .filter(([, { heldMs }]) => heldMs < brakeMs)
      .map(([kind, { over, kept }]) => `${over} of ${kept} ${kind} would go at once`);
    const all = this.#distrust === null ? braked : [this.#distrust, ...braked];
    return all.length === 0 ? null : all.join('; ');
  }
}
