// The guard of removal, over random histories of a clock that is set and of time that passes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Reader } from '../store/port/unit-of-work.ts';
import { RemovalGuard } from './removal-guard.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const lookAgainMs = 10 * minuteMs;

/** Makes a guard with its clocks and the state that the store holds. */
function begin(lastSteadyAt?: number, brakes = '{}') {
  const time = { wall: 1_800_000_000_000, passed: 5000 };
  const warnings: string[] = [];
  const said = (_fields: object, message: string) => void warnings.push(message);
  const log = { debug: said, info: said, warn: said, error: said };
  const clock = { now: () => time.wall, monotonic: () => time.passed, sleep: async () => {} };
  const guard = new RemovalGuard({ clock, lookAgainMs, log });
  const waiting = async () => ({ waiting: null, brakes });
  const work = {
    host: { lastSteadyAt: async () => lastSteadyAt, removalState: waiting },
  } as Partial<Reader> as Reader;
  const pass = (ms: number) => {
    time.wall += ms;
    time.passed += ms;
  };
  const jump = (ms: number) => {
    time.wall += ms;
  };
  return { time, guard, warnings, pass, jump, look: () => guard.look(work) };
}

const step = fc.oneof(
  fc.record({ does: fc.constant('passes' as const), ms: fc.integer({ min: 1, max: 3 * hourMs }) }),
  fc.record({
    does: fc.constant('jumps' as const),
    ms: fc.integer({ min: -400 * hourMs, max: 400 * hourMs }),
  }),
);

describe('the guard of removal', () => {
  it('lets nothing go within an hour of a jump, nor what was not over for a while, and everything in the end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { time, pass, jump, look } = begin();
        let steadySince = time.passed;
        await look();
        for (const { does, ms } of steps) {
          if (does === 'passes') pass(ms);
          else jump(ms);
          const before = await look();
          if (does === 'jumps' && Math.abs(ms) > minuteMs) steadySince = time.passed;
          if (before === null) continue;
          assert.ok(
            steadySince === 5000 || time.passed - steadySince >= hourMs,
            'within an hour of a jump',
          );
          assert.ok(time.passed - steadySince >= lookAgainMs);
          assert.equal(before, time.wall - lookAgainMs);
        }
        pass(hourMs);
        assert.equal(await look(), time.wall - lookAgainMs);
      }),
    );
  });

  for (const [title, awayMs, waitMs, said] of [
    ['a little later', 4 * minuteMs, lookAgainMs, null],
    ['some minutes later', 6 * minuteMs, hourMs, 'no server ran, or the clock moved, for 360 s'],
    ['a night later', 9 * hourMs, hourMs, 'no server ran, or the clock moved, for 32400 s'],
    ['before it', -2 * hourMs, hourMs, 'the clock moved by -7200 s'],
  ] as const) {
    it(`waits ${waitMs / minuteMs} minutes in a server that starts ${title} than the clock last ran steadily`, async () => {
      const { pass, look, guard } = begin(1_800_000_000_000 - awayMs);
      assert.equal(await look(), null);
      assert.equal(guard.waiting(), said);
      pass(waitMs - 1);
      assert.equal(await look(), null);
      pass(1);
      assert.notEqual(await look(), null);
      assert.equal(guard.waiting(), null);
    });
  }

  it('is not deceived by many small steps of the clock, and not alarmed by one', async () => {
    const { pass, jump, look } = begin();
    await look();
    pass(lookAgainMs);
    jump(50_000);
    assert.notEqual(await look(), null);
    jump(50_000);
    assert.equal(await look(), null);
  });

  it('lets as many go as is usual; more only after a day in which it was always more', async () => {
    const { guard, pass, warnings } = begin();
    assert.deepEqual(
      [
        [20, 20],
        [200, 1000],
        [21, 21],
        [201, 1000],
      ].map(([over = 0, kept = 0], index) => guard.mayGo(`kind ${index}`, over, kept)),
      [true, true, false, false],
    );
    pass(23 * hourMs);
    assert.equal(guard.mayGo('kind 2', 21, 21), false);
    assert.equal(guard.mayGo('kind 3', 3, 1000), true);
    pass(hourMs);
    assert.equal(guard.mayGo('kind 2', 30, 30), true);
    assert.equal(guard.mayGo('kind 3', 201, 1000), false);
    assert.equal(warnings.length, 3);
  });

  it('counts that day over the starts of its servers', async () => {
    let brakes = '{}';
    for (const hours of [10, 10, 3]) {
      const { guard, pass, look } = begin(1_800_000_000_000, brakes);
      await look();
      assert.equal(guard.mayGo('things', 30, 30), false);
      pass(hours * hourMs);
      assert.equal(guard.mayGo('things', 30, 30), false);
      brakes = guard.brakes();
    }
    const { guard, pass, look } = begin(1_800_000_000_000, brakes);
    await look();
    guard.mayGo('things', 30, 30);
    pass(hourMs);
    assert.equal(guard.mayGo('things', 30, 30), true);
  });
});
