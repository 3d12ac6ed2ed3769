// The rules of a machine's life: restarts after crashes, idleness, and silent agents.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  afterEnd,
  type GuestEnd,
  guestEnds,
  isIdle,
  isToStop,
  restartsMax,
  silentSince,
} from './machine-life.ts';

const restart = { crashPolicy: 'restart', autoStopS: 0 } as const;
const unhurt = { crashCount: 0, crashedAt: null, crashPolicy: null };

describe('a guest that dies', () => {
  it('is started again later and later, a few times in a row, and then stays off', () => {
    let life: Parameters<typeof afterEnd>[0] & { restartAt: number | null } = {
      ...unhurt,
      restartAt: null,
    };
    let now = 0;
    const delays: number[] = [];
    for (let crash = 1; crash <= restartsMax; crash++) {
      life = { ...life, ...afterEnd(life, 'crashed', restart, now).life };
      delays.push((life.restartAt ?? 0) - now);
      now = life.restartAt ?? 0;
    }
    assert.deepEqual(delays, [10_000, 20_000, 40_000, 80_000, 160_000]);
    const last = afterEnd(life, 'crashed', restart, now);
    assert.equal(last.life.restartAt, null);
    assert.match(last.says, /stays off/);
    // One that lived for an hour has recovered.
    const later = afterEnd(life, 'crashed', restart, now + 3600_000);
    assert.deepEqual([later.life.crashCount, later.life.restartAt], [1, now + 3610_000]);
  });

  it('is never started again where its policy says off, or when it powered itself off', () => {
    fc.assert(
      fc.property(
        fc.record({ crashCount: fc.nat(), crashedAt: fc.option(fc.nat()) }),
        fc.constantFrom<GuestEnd>(...guestEnds),
        fc.nat(),
        (life, end, now) => {
          const off = { ...life, crashPolicy: 'off' as const };
          assert.equal(afterEnd(off, end, restart, now).life.restartAt, null);
          const own = { ...life, crashPolicy: 'restart' as const };
          const standard = { ...restart, crashPolicy: 'off' as const };
          const { restartAt } = afterEnd(own, end, standard, now).life;
          if (end === 'off' || end === 'idle') assert.equal(restartAt, null);
          else assert.ok(restartAt === null || (restartAt > now && restartAt <= now + 160_000));
        },
      ),
    );
  });
});

describe('a machine', () => {
  it('is idle only while nothing is known of its use', () => {
    const idle = { isRunning: true, cpuShare: 0.01, users: 0, hasLink: false };
    assert.ok(isIdle(idle));
    assert.ok(isIdle({ ...idle, users: null }));
    for (const sign of [
      { isRunning: false },
      { cpuShare: null },
      { cpuShare: 0.5 },
      { users: 1 },
      { hasLink: true },
    ])
      assert.equal(isIdle({ ...idle, ...sign }), false, JSON.stringify(sign));
  });

  it('is stopped when it was idle for its time, and not sooner after its start', () => {
    const stops = (
      autoStopS: number | null,
      idleAt: number | null,
      startedAt: number,
      now: number,
    ) => isToStop({ autoStopS, idleAt }, startedAt, { crashPolicy: 'off', autoStopS: 100 }, now);
    assert.ok(stops(60, 0, 0, 60_000));
    assert.equal(stops(60, 0, 0, 59_999), false);
    assert.equal(stops(60, 0, 10_000, 60_000), false);
    assert.equal(stops(60, null, 0, 10 ** 9), false);
    assert.equal(stops(0, 0, 0, 10 ** 9), false);
    assert.equal(stops(null, 0, 0, 99_999), false);
    assert.ok(stops(null, 0, 0, 100_000));
  });

  it('has a silent agent when one that answered has not for minutes, until it answers again', () => {
    assert.equal(silentSince(null, null, 10 ** 7), null);
    assert.equal(silentSince(10_000, null, 10 ** 7), null);
    assert.equal(silentSince(400_000, null, 10 ** 7), 9_600_000);
    assert.equal(silentSince(410_000, 5, 10 ** 7), 5);
    assert.equal(silentSince(null, 5, 10 ** 7), 5);
    assert.equal(silentSince(0, 5, 10 ** 7), null);
  });
});
