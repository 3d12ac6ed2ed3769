// How much of each output is kept in an answer of bounded size.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sharesOf } from './image-log.ts';

describe('the shares of long texts', () => {
  it('are the whole of short ones, alike for long ones, and never more than there is room for', () => {
    assert.deepEqual(sharesOf([500, 10, 500], 110), [50, 10, 50]);
    const lengths = fc.array(fc.nat(1000), { maxLength: 20 });
    fc.assert(
      fc.property(lengths, fc.nat(5000), (given, most) => {
        const shares = sharesOf(given, most);
        const total = shares.reduce((sum, one) => sum + one, 0);
        assert.ok(total <= most);
        const longest = Math.max(0, ...shares);
        for (const [at, share] of shares.entries()) {
          const length = given[at] ?? 0;
          assert.ok(share === length || (share < length && share >= longest - given.length));
        }
        if (given.reduce((sum, one) => sum + one, 0) <= most) assert.deepEqual(shares, given);
      }),
    );
  });
});
