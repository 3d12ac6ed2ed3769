// Faults of a fleet file, each with its line and column.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wantedImages } from './check.ts';
import { parseFleet } from './read.ts';

const refusal = (text: string): string => {
  try {
    parseFleet('fleet.yaml', text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return 'it was taken';
};

describe('a fleet file', () => {
  it('gives images what they have of others', () => {
    const { fleet } = parseFleet(
      'fleet.yaml',
      'version: 1\nimages:\n- {name: A, base: B, software: [y, x]}\n- {name: C, from: A, software: [x, z]}\n',
    );
    assert.deepEqual(wantedImages(fleet), [
      { name: 'A', base: 'B', software: ['x', 'y'], protected: undefined },
      { name: 'C', base: 'B', software: ['x', 'y', 'z'], protected: undefined },
    ]);
  });

  it('is refused with the line and the column of each fault', () => {
    for (const [text, says] of [
      ['', /^fleet\.yaml:1:1: the file is empty/],
      ['version: 2\n', /^fleet\.yaml:1:1: version must be 1/],
      ['version: 1\nimage: []\n', /^fleet\.yaml:2:1: image is not known\. Did you mean "images"\?/],
      [
        'version: 1\nimages:\n  - name: A\n    sofware: [x]\n',
        /^fleet\.yaml:4:5: sofware is not known\. Did you mean "software"\?/,
      ],
      ['version: 1\nimages:\n  - software: [x]\n', /^fleet\.yaml:3:5: name is missing here/],
      ['version: 1\nimages:\n  - name: 7\n', /^fleet\.yaml:3:5: name must be string/],
      [
        `version: 1\nimages:\n- ${'['.repeat(40)}x${']'.repeat(40)}\n`,
        /^fleet\.yaml:3:1\d: it is nested deeper than 10/,
      ],
      [`version: 1\nx: ${'{a: '.repeat(12)}`, /nested deeper|fleet\.yaml:2/],
      ['['.repeat(200_000), /^fleet\.yaml:.*it is nested deeper than 10 levels.*brackets/],
      [
        Array.from({ length: 900 }, (_, at) => `${' '.repeat(at)}a:`).join('\n'),
        // How far the parser gets depends on the stack.
        /:\d+:\d+: it is nested/,
      ],
      ['version: 1\nversion: 1\n', /^fleet\.yaml:2:1: Map keys must be unique/],
      ['version: 1\nimages: [\n', /^fleet\.yaml:3:1: /],
      [
        'version: 1\nimages:\n  - name: A\n  - name: B\n  - name: A\n',
        /^fleet\.yaml:5:5: "A" is declared twice \(entries 1 and 3\)/,
      ],
      [
        'version: 1\nimages:\n  - {name: A, from: B}\n  - {name: B, from: A}\n',
        /^fleet\.yaml:3:15: "A" is made from itself, in a circle\.\nfleet\.yaml:4:15: "B"/,
      ],
      [
        'version: 1\nimages:\n  - {name: A, from: A}\n',
        /^fleet\.yaml:3:15: "A" is made from itself/,
      ],
      [
        'version: 1\nimages:\n  - {name: A, from: AB}\n',
        /declares no image "AB"\. Did you mean "A"\?/,
      ],
      [
        'version: 1\nmachines:\n  - {name: M, count: 2}\n',
        /^fleet\.yaml:3:5: give a name, or type/,
      ],
      ['version: 1\nmachines:\n  - {image: A}\n', /^fleet\.yaml:3:5: give the name of a machine/],
      ['version: 1\nmachines:\n  - {type: S, count: 0}\n', /^fleet\.yaml:3:15: count must be >= 1/],
      ['version: 1\nimages: &a [*a]\n', /alias|circular/i],
      ['a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n'.repeat(1), /^fleet\.yaml:/],
      ['--- \nversion: 1\n---\nversion: 1\n', /^fleet\.yaml:3:1: /],
      [`version: 1\n${'x: 1\n'.repeat(50)}`, /^fleet\.yaml/],
    ] as const)
      assert.match(refusal(text), says, JSON.stringify(text));
  });

  it('tells at most twenty faults', () => {
    const many = Array.from({ length: 50 }, (_, at) => `x${at}: 1\n`).join('');
    const lines = refusal(`version: 1\n${many}`).split('\n');
    assert.deepEqual(lines.slice(20), ['and 30 more', 'Nothing was changed.']);
  });
});
