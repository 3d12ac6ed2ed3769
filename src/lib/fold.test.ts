// The fold against what Unicode says of single letters, and its properties over any text.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fold } from './fold.ts';

describe('the form in which names are searched', () => {
  it('is the same for what differs in case alone, in any script, and in no language in particular', () => {
    const same = [
      ['ΣΊΣΥΦΟΣ', 'σίσυφος', 'ΣΊΣυφοσ'],
      ['Straße', 'STRASSE', 'STRAẞE', 'strasse'],
      ['ﬁle', 'FILE'],
      ['ᾳ', 'ΑΙ', 'αι'],
      ['\u212a', 'K', 'k'],
      ['ſ', 'S'],
      ['Ꭰ', 'ꭰ'],
      ['ǰ', 'J\u030c', 'j\u030c'],
      // The dotted capital I is an i with a dot.
      ['İ', 'i\u0307'],
    ];
    for (const texts of same) assert.equal(new Set(texts.map(fold)).size, 1, texts.join(' '));
    // As Unicode has it for no language in particular: the dotless i is a letter of its own.
    assert.notEqual(fold('ı'), fold('i'));
    assert.notEqual(fold('ı'), fold('I'));
    assert.equal(fold('I'), 'i');
  });

  it('is its own form, the same for upper and lower case, and that of its parts for plain letters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        assert.equal(fold(fold(text)), fold(text));
        if (!text.includes('ı')) assert.equal(fold(text.toUpperCase()), fold(text));
        assert.equal(fold(text.normalize('NFD')), fold(text));
      }),
      { numRuns: 300 },
    );
  });
});
