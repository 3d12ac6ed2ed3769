// Names in every script are allowed; names that would not be shown as they are, are refused.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anyCharacter } from '../../test/any-character.ts';
import { nameFault } from './plain-text.ts';

describe('a name', () => {
  it('may be in any script, with emoji, joiners where they join, and spaces within', () => {
    for (const name of [
      'Studio 4 – “A/B”',
      '日本 語',
      'مرحبا',
      'می‌خواهم',
      'ක්‍ෂ',
      'हिन्दी',
      '👩🏽‍💻 Büro',
      '🏳️‍🌈',
      '🏴󠁧󠁢󠁥󠁮󠁧󠁿',
      '❤️‍🔥',
      '1️⃣',
      '葛󠄀城',
      '🪄'.repeat(30),
      'a',
    ])
      assert.equal(nameFault(name), null, name);
  });

  it('has no character that is not seen, and no space at its ends', () => {
    const wrong = [
      '\0',
      '\n',
      '\t',
      '\u001b[31m',
      '\u007f',
      '\u0085',
      '\u2028',
      '\u202e',
      '\u202a',
      '\u2066',
      '\u2069',
    ];
    const more = [
      '\u200b',
      '\u200e',
      '\u061c',
      '\u2060',
      '\ufeff',
      '\u00ad',
      '\u034f',
      '\u3164',
      '\ud800',
      '\udfff',
      '\ufff9',
    ];
    for (const one of [
      ...wrong,
      ...more,
      '\u{e0041}',
      '\u200d',
      '\u200c',
      '\ufe0f\ufe0f',
      '🏴\u{e0067}',
    ])
      assert.match(nameFault(`a${one}b`) ?? '', /^holds the character U\+/, JSON.stringify(one));
    for (const name of [' a', 'a ', '\u00a0a', 'a\u3000', ' '])
      assert.equal(nameFault(name), 'begins or ends with a space');
    for (const name of ['\ufe0fa', '👩\u200d', '\u200d👩', '👩\u200d\u200d💻', 'م\u200c'])
      assert.notEqual(nameFault(name), null, JSON.stringify(name));
  });

  it('that is allowed is the same after it was sent and shown, and has no control character', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, minLength: 1, maxLength: 30 }), (name) => {
        if (nameFault(name) !== null) return;
        assert.equal(name, name.trim());
        assert.equal(Buffer.from(name).toString(), name);
        assert.doesNotMatch(name, /[\p{Cc}\p{Bidi_Control}\u200b\ufeff]/u);
      }),
    );
  });
});
