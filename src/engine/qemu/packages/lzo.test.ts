// Tests of what unpacks LZO, also on anything that a guest may have written.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unpackLzo } from './lzo.ts';

const sector = 4096;

/** Pieces as btrfs keeps them: the length of all, and before each piece its own. */
function stored(...pieces: readonly number[][]): Buffer {
  const parts: Buffer[] = [];
  for (const piece of pieces) {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(piece.length);
    parts.push(head, Buffer.from(piece));
  }
  const all = Buffer.concat([Buffer.alloc(4), ...parts]);
  all.writeUInt32LE(all.length);
  return all;
}

const end = [0x11, 0, 0];
/** `abcd`, then the last two bytes again and again: 35 bytes. */
const repeated = [17 + 4, 97, 98, 99, 100, 0x20 | 31, 1 << 2, 0, ...end];

describe('what is compressed with LZO', () => {
  it('is unpacked piece by piece, with repetitions that overlap', () => {
    const once = `abcd${'cd'.repeat(17).slice(0, 33)}`;
    assert.equal(String(unpackLzo(stored(repeated), 100, sector)), once);
    assert.equal(String(unpackLzo(stored(repeated, repeated), 100, sector)), once + once);
  });

  it('is never larger than it was said to be, and gives an error when it is damaged', () => {
    assert.throws(() => unpackLzo(stored(repeated), 10, sector), /LZO/);
    for (const piece of [[], [17 + 4, 97], [0x40, 0], [0x20, 0, 0], [200, ...end]])
      assert.throws(() => unpackLzo(stored(piece), 100, sector), /LZO/, String(piece));
    assert.throws(() => unpackLzo(Buffer.alloc(2), 100, sector), /LZO/);
  });

  it('may hold anything, and what comes of it has a limit', () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % 256;
    };
    for (let round = 0; round < 3000; round++) {
      const bent = [...repeated, ...repeated];
      for (let each = 0; each < 1 + (round % 9); each++) bent[random() % bent.length] = random();
      try {
        assert.ok(unpackLzo(stored(bent, bent), 500, sector).length <= 500);
      } catch (error) {
        assert.match(String(error), /LZO/);
      }
    }
  });
});
