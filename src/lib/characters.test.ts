// The table of characters that are not shown keeps its three uses apart on purpose.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { charactersOf } from './characters.ts';

describe('the table of characters that are not shown', () => {
  const cases: [what: string, character: string, uses: string][] = [
    ['an escape', '\u001b', 'name terminal console'],
    ['an override of direction', '\u202e', 'name terminal console'],
    ['an end of a line', '\n', 'name'],
    ['a joiner of scripts', '\u200d', 'name'],
    ['a tag of a flag', '\u{e0067}', 'name'],
    ['a mark of direction', '\u200f', 'name terminal'],
    ['a space without a width', '\u200b', 'name terminal'],
    ['half of a character', '\ud800', 'name terminal'],
    ['the mark of what was no character', '\ufffd', 'console'],
    ['a letter', 'a', ''],
  ];
  for (const [what, character, uses] of cases)
    it(`takes ${what} for one ${uses === '' ? 'nowhere' : `in: ${uses}`}`, () => {
      const found = (['name', 'terminal', 'console'] as const).filter(
        (use) => character.search(charactersOf(use)) === 0,
      );
      assert.equal(found.join(' '), uses);
    });
});
