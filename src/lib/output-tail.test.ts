// Any output is kept within a bound, with its beginning and its end.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { OutputTail } from './output-tail.ts';

describe('OutputTail', () => {
  it('keeps a short output whole, however it is cut into chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary-ascii', maxLength: 2000 }), { maxLength: 20 }),
        (chunks) => {
          const tail = new OutputTail();
          for (const chunk of chunks) tail.push(Buffer.from(chunk));
          assert.equal(tail.toString(), chunks.join('').replaceAll('\r\n', '\n'));
        },
      ),
    );
  });

  it('keeps beginning and end of a long one, says how much it left out, and stays small', () => {
    const tail = new OutputTail();
    tail.push(Buffer.from('first line\n'));
    for (let index = 0; index < 2000; index++) tail.push(Buffer.alloc(1024, 'x'));
    tail.push(Buffer.from('last line\n'));
    const text = tail.toString();
    assert.ok(text.startsWith('first line\n') && text.endsWith('last line\n'));
    assert.match(text, /… \d+ bytes left out …/);
    assert.ok(text.length < 300_000);
    assert.ok(tail.tail().endsWith('last line\n'));
  });
});
