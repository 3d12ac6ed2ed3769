// Lines are the same wherever the bytes are cut, and a line that does not end takes no memory.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LineReader } from './line-reader.ts';

const linesMax = 12;
/** Random bytes, with many ends of lines and many bytes that are not UTF-8. */
const bytes = fc
  .array(
    fc.oneof(
      fc.constant(0x0a),
      fc.constantFrom(0xff, 0x00, 0x7b),
      fc.integer({ min: 0, max: 255 }),
    ),
    {
      maxLength: 200,
    },
  )
  .map((all) => Buffer.from(all));

const cutAt = (whole: Buffer, cuts: readonly number[]): Buffer[] => {
  const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort(
    (a, b) => a - b,
  );
  return places.slice(1).map((to, index) => whole.subarray(places[index], to));
};

const read = (chunks: readonly Buffer[], lineBytesMax: number) => {
  const reader = new LineReader(lineBytesMax);
  return chunks.flatMap((chunk) => [...reader.push(chunk)]);
};

describe('LineReader', () => {
  it('gives the same lines wherever the bytes are cut, and null for one that is too long', () => {
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(), { maxLength: 20 }), (whole, cuts) => {
        const wanted: (string | null)[] = [];
        let rest = whole;
        for (let end = rest.indexOf(0x0a); end !== -1; end = rest.indexOf(0x0a)) {
          wanted.push(end > linesMax ? null : rest.toString('utf8', 0, end));
          rest = rest.subarray(end + 1);
        }
        assert.deepEqual(read(cutAt(whole, cuts), linesMax), wanted);
      }),
    );
  });

  it('takes a line of exactly its limit, and refuses a longer one', () => {
    for (const lineBytesMax of [1, 1023, 1024, 1025, 5000]) {
      const just = 'x'.repeat(lineBytesMax);
      assert.deepEqual(read([Buffer.from(`${just}\n${just}x\n${just}\n`)], lineBytesMax), [
        just,
        null,
        just,
      ]);
    }
  });

  it('holds no more of an endless line than one line may have, and goes on after it', () => {
    const reader = new LineReader(64 * 1024);
    const flood = Buffer.alloc(64 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    for (let index = 0; index < 4000; index++) assert.deepEqual([...reader.push(flood)], []);
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 ** 2);
    assert.deepEqual([...reader.push(Buffer.from('\nnext\n'))], [null, 'next']);
  });
});
