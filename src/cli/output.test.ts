// Progress lines are printed rarely where they cannot be written over, and tables lay out their
// cells.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Terminal } from './output.ts';
import { progressLine } from './progress.ts';
import { table } from './table.ts';

describe('a progress line', () => {
  it('is printed when the phase changes and every ten seconds, and tells how long it has taken', () => {
    const said: string[] = [];
    const terminal: Terminal = {
      out() {},
      err: (text) => said.push(text),
      interactive: false,
      exitCode: 0,
    };
    let nowMs = 0;
    const progress = progressLine(terminal, () => nowMs);
    for (; nowMs <= 24_000; nowMs += 500) progress.say('building, waiting');
    progress.say('building, installing htop', '40 %');
    assert.deepEqual(said, [
      'building, waiting, 0 s',
      'building, waiting, 10 s',
      'building, waiting, 20 s',
      'building, installing htop (40 %), 24 s',
    ]);
  });
});

describe('a table', () => {
  it('has one line for each row: of a reason with the last lines of a console it shows the first', () => {
    const reason = 'Machine 3 was not ready. The last lines of its console:\n(initramfs)\nstuck';
    assert.equal(table(['ID', 'REASON', 'X'], [[3, reason, null]]).split('\n').length, 2);
    assert.match(table(['ID', 'REASON'], [[3, reason]]), /its console …$/);
  });
});
