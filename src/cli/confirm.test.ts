// The words in which a loss is told.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { idRanges, listed } from './confirm.ts';

describe('many ids', () => {
  it('are told as ranges that hold exactly them', () => {
    assert.equal(idRanges([3, 1, 2, 7, 9, 8, 3]), '1-3 7-9');
    const id = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(fc.array(id, { minLength: 1 }), (ids) => {
        const found = idRanges(ids)
          .split(' ')
          .flatMap((range) => {
            const [first = 0, last = first] = range.split('-').map(Number);
            return Array.from({ length: last - first + 1 }, (_, at) => first + at);
          });
        assert.deepEqual(
          found,
          [...new Set(ids)].sort((a, b) => a - b),
        );
      }),
    );
  });

  it('are told by name for a few only', () => {
    const things = Array.from({ length: 7 }, (_, at) => ({ id: at, name: `N${at}` }));
    assert.equal(listed('image', things.slice(0, 1)), 'image 0 (N0)');
    assert.match(listed('image', things), /^7 images: 0 \(N0\), .*4 \(N4\), 2 more$/);
  });
});
