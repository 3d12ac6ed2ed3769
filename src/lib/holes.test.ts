// The runs of zeros in a content, as a download leaves them out.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HoleFinder } from './holes.ts';

const pieceBytes = 512 * 1024;

/** Each element is a piece: whether it is zeros. */
async function holesOf(pieces: readonly boolean[]) {
  const finder = new HoleFinder();
  async function* given() {
    for (const zero of pieces) yield Buffer.alloc(pieceBytes, zero ? 0 : 1);
  }
  let bytes = 0;
  for await (const piece of finder.watch(given())) bytes += piece.length;
  assert.equal(bytes, pieces.length * pieceBytes);
  return finder.holes;
}

describe('the holes of a content', () => {
  it('are exactly its runs of zeros of 1 MiB and more, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 30 }), async (pieces) => {
        const expected: [number, number][] = [];
        for (let at = 0; at < pieces.length; at++) {
          if (!pieces[at]) continue;
          let end = at;
          while (pieces[end]) end++;
          if (end - at >= 2) expected.push([at * pieceBytes, end * pieceBytes]);
          at = end;
        }
        assert.deepEqual(await holesOf(pieces), expected);
      }),
      { numRuns: 25 },
    );
  });
});
