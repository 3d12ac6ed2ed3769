// Tools that all tests use: temporary folders, clean-up after a test, clocks, and waiting for a
// condition instead of sleeping.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../src/lib/clock.ts';

/** A test or a suite: it runs `cleanup` when it is over. */
export interface Scope {
  after(cleanup: () => Promise<void>): void;
}

const cleanups = new WeakMap<Scope, (() => unknown)[]>();

/**
 * Runs `cleanup` after the test. The last one registered runs first. All of them run, also when one
 * throws; then the first error is thrown.
 */
export function defer(t: Scope, cleanup: () => unknown): void {
  const before = cleanups.get(t);
  if (before) return void before.push(cleanup);
  const stack = [cleanup];
  cleanups.set(t, stack);
  t.after(async () => {
    const failures: unknown[] = [];
    for (const one of stack.reverse()) {
      try {
        await one();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  });
}

/** Makes a folder that no other user may pass, like a home. It is removed after the test. */
export async function temporaryFolder(t: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
  defer(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The reason to skip a test that needs root; false for root. It is shown beside the title. */
export const leftOutWithoutRoot =
  process.getuid?.() === 0 ? false : 'it mounts a disk, which only root may; type: sudo npm test';

/** A clock on which nothing waits: a sleep moves it forward at once. */
export function virtualClock(): Clock {
  let now = Date.now();
  return {
    now: () => now,
    monotonic: () => now,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      now += ms;
    },
  };
}

/**
 * The system's clock, with two ways to move it. `advance`: time passes. `jump`: the clock of the
 * host is set, and the monotonic clock does not move.
 */
export function movableClock() {
  let [passedMs, jumpedMs] = [0, 0];
  const clock: Clock = {
    now: () => Date.now() + passedMs + jumpedMs,
    monotonic: () => performance.now() + passedMs,
    sleep: systemClock.sleep,
  };
  return {
    clock,
    advance: (ms: number) => {
      passedMs += ms;
    },
    jump: (ms: number) => {
      jumpedMs += ms;
    },
  };
}

/** A busy machine may stand still for many seconds; one that is well never waits for so long. */
const patienceMs = 60_000;

/**
 * Asks `condition` every `everyMs` until its value is neither undefined, null nor false, and
 * resolves to that value. Throws at the limit, and says `what` it waited for.
 */
export async function waitFor<Value>(
  what: string,
  condition: () => Promise<Value> | Value,
  limitMs = patienceMs,
  everyMs = 10,
): Promise<Exclude<NonNullable<Value>, false>> {
  const end = Date.now() + limitMs;
  while (Date.now() < end) {
    const value = await condition();
    if (value !== undefined && value !== null && value !== false)
      return value as Exclude<NonNullable<Value>, false>;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`not within ${limitMs} ms: ${what}`);
}
