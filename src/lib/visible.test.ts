// Text from others cannot make a terminal do anything but show it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anyCharacter } from '../../test/any-character.ts';
import { visible } from './visible.ts';

describe('text that is shown', () => {
  it('has no character that a terminal obeys, and is unchanged when it had none', () => {
    const odd = fc.constantFrom(
      '\x1b]0;title\x07',
      '\x1b[2J',
      '\x9b31m',
      '\x9d0;t\x9c',
      '\u202e',
      '\u2066',
      '\ufeff',
      '\r',
      '\x7f',
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(odd, fc.string({ unit: anyCharacter }), fc.string({ unit: 'grapheme' })),
          {
            maxLength: 5,
          },
        ),
        (parts) => {
          const shown = visible(parts.join(''));
          assert.doesNotMatch(
            shown,
            /(?![\n\t])[\p{Cc}\p{Cs}]|[\u202a-\u202e\u2066-\u2069\u200e\u200f\u2028\u2029\ufeff]/u,
          );
          assert.equal(visible(shown), shown);
        },
      ),
    );
    const plain = 'Ärzte\tłódź 日本語 עברית العربية 👩‍💻\nnext';
    assert.equal(visible(plain), plain);
    assert.equal(visible('a\r\nb'), 'a\nb');
    assert.equal(visible('\x1b]0;owned\x07 \u202eevil'), '\\u001b]0;owned\\u0007 \\u202eevil');
  });

  it('stays the same JSON when it was JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value, null, 2);
        assert.deepEqual(JSON.parse(visible(text)), JSON.parse(text));
      }),
    );
  });
});
