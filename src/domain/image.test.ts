// The rules of images: sizes, states and names.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AppError } from './error.ts';
import { builtImageSizeGb, imageMayBecome, imageStatuses, parseImageName } from './image.ts';

describe('an image', () => {
  it('has a size of at least its parts with 5 %, and less than 1 GB more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 20 }),
        (base, tenths) => {
          const sizes = tenths.map((tenth) => tenth / 10);
          const exact = 1.05 * (base + sizes.reduce((sum, size) => sum + size, 0));
          const size = builtImageSizeGb(base, sizes);
          assert.ok(Number.isInteger(size) && size >= exact - 1e-6 && size < exact + 1);
        },
      ),
    );
    assert.equal(builtImageSizeGb(20, []), 21);
  });

  it('never leaves failed, and is never available without having been built', () => {
    for (const to of imageStatuses) assert.equal(imageMayBecome('failed', to), false);
    for (const from of imageStatuses)
      assert.equal(imageMayBecome(from, 'available'), from === 'building');
  });

  it('takes any name of 1 to 30 visible characters and no other', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (name) => {
        const fits = name.trim() !== '' && [...name].length <= 30 && !/\p{Cc}|\p{Cs}/u.test(name);
        if (fits) assert.equal(parseImageName(name), name);
        else assert.throws(() => parseImageName(name), AppError);
      }),
    );
  });
});
