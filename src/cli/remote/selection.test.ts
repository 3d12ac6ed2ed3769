// Patterns for names.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isLike } from './selection.ts';

describe('a pattern', () => {
  it('has any text for *, one character for ?, and all else as it is', () => {
    for (const [pattern, like, unlike] of [
      ['render*', ['render', 'render 1', 'render\n2'], ['Render', 'a render']],
      ['*a?', ['aa', 'a😀', 'xxa.'], ['a', 'abc']],
      ['a*b*c', ['abc', 'a b b c c'], ['ab', 'acb']],
      ['?.*', ['x.', '*.y'], ['.', 'xy']],
    ] as const) {
      for (const name of like) assert.ok(isLike(name, pattern), `${name} ${pattern}`);
      for (const name of unlike) assert.ok(!isLike(name, pattern), `${name} ${pattern}`);
    }
  });

  it('agrees with a regular expression', () => {
    const of = (unit: string) => fc.string({ unit: fc.constantFrom(...unit), maxLength: 8 });
    fc.assert(
      fc.property(of('ab'), of('ab*?'), (name, pattern) => {
        const expression = pattern.replaceAll('?', '.').replaceAll(/\*+/g, '.*');
        assert.equal(isLike(name, pattern), new RegExp(`^${expression}$`).test(name));
      }),
    );
  });

  it('takes no time, however many * it has', () => {
    const begun = performance.now();
    assert.ok(!isLike('a'.repeat(200), `${'*a'.repeat(50)}*b`));
    // To try each * at each place would take years.
    assert.ok(performance.now() - begun < 30_000);
  });
});
