// The fold agrees with Unicode about single letters, and keeps its properties for any text.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anyCharacter } from '../../test/any-character.ts';
import { runs } from '../../test/runs.ts';
import { fold } from './fold.ts';

describe('the form in which names are searched', () => {
  it('is the same for texts that differ in case alone, in any script, without a language', () => {
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
    // Unicode, without a language, has the dotless i as a letter of its own.
    assert.notEqual(fold('ı'), fold('i'));
    assert.notEqual(fold('ı'), fold('I'));
    assert.equal(fold('I'), 'i');
  });

  it('is stable, and the same for upper and lower case and for decomposed letters', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 20 }), (text) => {
        assert.equal(fold(fold(text)), fold(text));
        if (!text.includes('ı')) assert.equal(fold(text.toUpperCase()), fold(text));
        assert.equal(fold(text.normalize('NFD')), fold(text));
      }),
      { numRuns: runs(100) },
    );
  });
});
