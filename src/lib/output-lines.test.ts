// Tests of the lines that people see of a guest's output.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outputLines } from './output-lines.ts';

function linesOf(...pieces: string[]): string[] {
  const lines: string[] = [];
  const push = outputLines(
    (line) => lines.push(line),
    (line) => line.startsWith('MARK'),
  );
  for (const piece of pieces) push(Buffer.from(piece));
  return lines;
}

describe('the lines of an output', () => {
  it('are whole, however the output is cut, and hidden ones are left out', () => {
    assert.deepEqual(linesOf('on', 'e\ntwo\n\nMA', 'RK 0\nnot ended'), ['one', 'two', '']);
  });

  it('have nothing that a terminal obeys, and of a progress bar its last state', () => {
    assert.deepEqual(linesOf('\x1b[31mred\x1b[0m\x1b]0;title\x07 \u202eback\r\n'), ['red back']);
    assert.deepEqual(linesOf('1 %\r2 %\r3 %\r\n'), ['3 %']);
  });

  it('are bounded', () => {
    const [cut = '', note] = linesOf(`${'x'.repeat(5000)}\n`, `${'y'.repeat(20_000)}\n`);
    assert.equal(cut.length, 1001);
    assert.match(note ?? '', /a line of more than 16384 bytes/);
  });
});
