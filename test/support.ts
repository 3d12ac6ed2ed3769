// What tests share: temporary folders that go with the test, and waiting for a condition instead of
// sleeping.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../src/lib/clock.ts';

/** A test or a suite: whatever runs something when it is over. */
export interface Scope {
  after(cleanup: () => Promise<void>): void;
}

const cleanups = new WeakMap<Scope, (() => unknown)[]>();

/**
 * Runs `cleanup` after the test, last registered first; every one runs, and the first failure is
 * told.
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

/** A temporary folder that no other user may pass, like a home; removed after the test. */
export async function temporaryFolder(t: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'silversmith-'));
  defer(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * Why a test is left out for a user who is not root; false for root. It is told beside the test's
 * title.
 */
export const leftOutWithoutRoot =
  process.getuid?.() === 0 ? false : 'it mounts a disk, which only root may; type: sudo npm test';

/** A clock on which nobody waits: a sleep moves it on. */
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
 * The system's clock, moved on by hand: time passes with `advance`; with `jump` somebody sets the
 * clock.
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

/**
 * Resolves to the first value that is neither undefined, null nor false; fails at the limit with
 * what it waited for.
 */
export async function waitFor<Value>(
  what: string,
  condition: () => Promise<Value> | Value,
  limitMs = 10_000,
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
