// Long lists in portions.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { portionsOf } from './portions.ts';

describe('portions of a list', () => {
  it('have all of it in its order, and none is empty or too long', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(), { maxLength: 30 }),
        fc.integer({ min: 1, max: 10 }),
        async (items, most) => {
          const portions = await Array.fromAsync(portionsOf(items, most));
          assert.deepEqual(portions.flat(), items);
          assert.ok(portions.every(({ length }) => length > 0 && length <= most));
        },
      ),
    );
  });

  it('let others have a turn between two', async () => {
    let turns = 0;
    const count = () => {
      turns++;
      if (turns < 5) setImmediate(count);
    };
    setImmediate(count);
    for await (const _ of portionsOf([1, 2, 3], 1)) assert.ok(turns <= 3);
    assert.ok(turns >= 2);
  });
});
