// Tests of nudges.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Nudge } from './nudge.ts';

const longMs = 1_000_000_000;

describe('a nudge', () => {
  it('ends the rest, and is kept for a loop that does not rest', async () => {
    const nudge = new Nudge();
    const rest = nudge.sleep(longMs);
    nudge.nudge();
    await rest;
    assert.deepEqual([nudge.take(), nudge.take()], [true, false]);
    nudge.nudge();
    await nudge.sleep(longMs);
    assert.equal(nudge.take(), true);
  });

  it('is not asked for by a wake, which ends the rest alone', async () => {
    const nudge = new Nudge();
    nudge.wake();
    const rest = nudge.sleep(longMs);
    nudge.wake();
    assert.equal(await rest, false);
    assert.equal(nudge.take(), false);
    assert.equal(await nudge.sleep(1), true);
  });
});
