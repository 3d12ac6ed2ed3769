// Tables on terminals of any width.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cut, table, widthOf } from './table.ts';

describe('a table', () => {
  it('is as wide as its content where no width is given', () => {
    assert.equal(
      table(
        ['ID', 'NAME'],
        [
          [1, 'a\nb'],
          [22, null],
        ],
      ),
      'ID  NAME\n1   a …\n22  -',
    );
  });

  it('keeps the ids, and takes the places that lack from the widest columns', () => {
    const rows = [[123456, 'A name that is long', 'off', 'A reason that is even longer']];
    const lines = table(['ID', 'NAME', 'STATUS', 'REASON'], rows, 40).split('\n');
    assert.ok(lines.every((line) => widthOf(line) <= 40));
    assert.match(lines[1] ?? '', /^123456 {2}A name tha… {2}off {5}A reason t…$/);
  });

  it('fits any terminal, whatever the characters', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 60 });
    const rows = fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 120 }), (given, columns) => {
        const lines = table(['ID', 'NAME', 'WHAT'], given, columns).split('\n');
        for (const line of lines) assert.ok(widthOf(line) <= columns, line);
      }),
    );
  });

  it('counts two places for a wide character, and none for an accent', () => {
    assert.deepEqual(['日本', 'e\u0301', '🙂'].map(widthOf), [4, 1, 2]);
    assert.deepEqual([cut('日本語', 5), cut('abc', 3), cut('abcd', 3)], ['日本…', 'abc', 'ab…']);
  });
});
