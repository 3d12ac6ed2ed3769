// A bucket keeps its rate, however fast callers ask.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TokenBuckets } from './token-bucket.ts';

describe('a token bucket', () => {
  it('never gives more than the burst and the tokens that were added since', () => {
    const steps = fc.array(
      fc.record({ name: fc.constantFrom('a', 'b'), afterMs: fc.nat({ max: 500 }) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        steps,
        (perSecond, burst, taken) => {
          const buckets = new TokenBuckets(perSecond, burst);
          const given = new Map<string, number>();
          let now = 1000;
          for (const { name, afterMs } of taken) {
            now += afterMs;
            const waitMs = buckets.take(name, now);
            if (waitMs === 0) given.set(name, (given.get(name) ?? 0) + 1);
            else assert.ok(waitMs <= 1000 / perSecond + 1);
          }
          for (const count of given.values())
            assert.ok(count <= burst + ((now - 1000) / 1000) * perSecond + 1e-6);
        },
      ),
    );
  });

  it('says how long to wait, and has a token after that time', () => {
    const buckets = new TokenBuckets(10, 2);
    assert.deepEqual([buckets.take('a', 0), buckets.take('a', 0)], [0, 0]);
    const waitMs = buckets.take('a', 0);
    assert.equal(waitMs, 100);
    assert.equal(buckets.take('a', waitMs), 0);
    assert.equal(new TokenBuckets(0).take('a', 0), 0);
  });
});
