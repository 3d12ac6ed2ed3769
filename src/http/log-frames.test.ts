// A follower that takes nothing costs the memory of one piece, however long the log is.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ImageId } from '../domain/ids.ts';
import { logFrames } from './log-frames.ts';

const pieceChars = 16 * 1024;

/** The frames of a log with these outputs, and how much of them was read. */
function following(outputs: readonly string[], report: string | null = null) {
  const seen = { read: 0, most: 0 };
  const steps = outputs.map((output, at) => ({
    ...{ position: at + 1, name: `Title ${at}`, cache: 'miss' as const, exitCode: 0 },
    outputChars: [...output].length,
  }));
  const characters = outputs.map((output) => [...output]);
  const frames = logFrames(
    { imageId: 1 as ImageId, steps, report },
    async (position, from, most) => {
      seen.most = Math.max(seen.most, most);
      const part = (characters[position - 1] ?? []).slice(from, from + most).join('');
      seen.read += part.length;
      return part;
    },
  );
  return { frames, seen };
}

interface Data {
  lines: string[];
  position?: number;
  exit_code?: number;
}

const dataOf = (frame: string): Data => JSON.parse(/^data: (.*)$/m.exec(frame)?.[1] ?? '');

describe('the frames of a long log', () => {
  it('are read a piece at a time, each when what came before was taken', async () => {
    const line = `${'x'.repeat(99)}\n`;
    const outputs = Array.from({ length: 16 }, () => line.repeat(2600));
    const { frames, seen } = following(outputs);
    let taken = 0;
    for await (const frame of frames) {
      const chars = dataOf(frame).lines.reduce((sum, one) => sum + one.length + 1, 0);
      // What was read and is not taken yet is what a follower costs that stops here.
      assert.ok(seen.read - taken <= 2 * pieceChars, `${seen.read} read, ${taken} taken`);
      taken += chars;
    }
    assert.equal(taken, outputs.join('').length);
    assert.ok(seen.most <= pieceChars);
  });

  it('have every line once and in order, wherever a piece ends', async () => {
    const line = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', '日', '🙂', '"', '\\'), maxLength: 40 }),
      fc.integer({ min: 900, max: 999 }).map((length) => 'y'.repeat(length)),
    );
    const output = fc
      .tuple(fc.array(line, { maxLength: 60 }), fc.boolean())
      .map(([lines, isEnded]) => lines.join('\n') + (isEnded && lines.length > 0 ? '\n' : ''));
    await fc.assert(
      fc.asyncProperty(fc.array(output, { maxLength: 4 }), async (outputs) => {
        const got: string[][] = outputs.map(() => []);
        const ends: number[] = [];
        for await (const frame of following(outputs).frames) {
          const { position = 0, lines, exit_code: exit } = dataOf(frame);
          got[position - 1]?.push(...lines);
          if (exit !== undefined) ends.push(position);
        }
        const wanted = outputs.map((one) => (one === '' ? [] : one.replace(/\n$/, '').split('\n')));
        assert.deepEqual(got, wanted);
        assert.deepEqual(
          ends,
          [...outputs.keys()].map((at) => at + 1),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('have the whole report at their end', async () => {
    const report = Array.from({ length: 3000 }, (_, at) => `line ${at}`).join('\n');
    const lines: string[] = [];
    for await (const frame of following([], report).frames) lines.push(...dataOf(frame).lines);
    assert.equal(lines.join('\n'), report);
  });
});
