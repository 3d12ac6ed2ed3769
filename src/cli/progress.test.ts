// The bar on terminals of any width.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { barLine, barOf } from './progress.ts';
import { widthOf } from './table.ts';

describe('a bar', () => {
  it('fits any terminal, whatever the phase', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 90 });
    const columns = fc.integer({ min: 1, max: 120 });
    fc.assert(
      fc.property(
        text,
        fc.double({ min: 0, max: 1, noNaN: true }),
        columns,
        (phase, done, most) => {
          const line = barLine(barOf(done), phase, ' (40 %), 12 s, about 5 s left', most);
          assert.ok(widthOf(line) <= most, line);
        },
      ),
    );
  });

  it('gives way to the phase, and the phase to the times, where there is no room for all', () => {
    const phase = 'image 1: building, installing htop';
    const at = (columns: number) => barLine(barOf(0.5), phase, ', 9 s', columns);
    assert.equal(at(80), `[##########..........] ${phase}, 9 s`);
    assert.equal(at(50), '[##########..........] image 1: building, in…, 9 s');
    assert.equal(at(30), 'image 1: building, insta…, 9 s');
    assert.equal(at(10), 'imag…, 9 s');
  });
});
