// The steps that a run kills at: all, the new ones, or the new ones and a sample.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseSteps, unrecorded } from './steps.ts';

const steps = ['commit job', 'sync', 'sync', 'rename a b', 'commit host', 'answer job'];
const recorded = { 'commit job': 1, sync: 1, 'answer job': 1 };

describe('the choice of steps', () => {
  it('is all steps for every', () => {
    assert.deepEqual(chooseSteps('every', steps, recorded, 1), [1, 2, 3, 4, 5, 6]);
  });

  it('is, for new, each step that is not recorded or is made more often than that', () => {
    assert.deepEqual(chooseSteps('new', steps, recorded, 1), [3, 4]);
    assert.deepEqual(chooseSteps('new', steps, {}, 1), [1, 2, 3, 4, 6]);
  });

  it('is, for a sample, each step with a new name and the requested number of others', () => {
    for (let round = 0; round < 100; round++) {
      const chosen = chooseSteps('sample', steps, recorded, 2);
      assert.ok(chosen.includes(4), 'the new step');
      const others = chosen.filter((at) => at !== 4);
      assert.ok(others.length >= 1 && others.length <= 2, String(others));
      assert.ok(others.every((at) => at >= 1 && at <= steps.length));
    }
    assert.deepEqual(chooseSteps('sample', ['sync'], { sync: 1 }, 2), [1]);
  });

  it('is bounded for a sample, however many steps are new', () => {
    const all = Array.from({ length: 200 }, (_, index) => `writeFile ${index}`);
    assert.ok(chooseSteps('sample', all, {}, 2).length <= 10);
  });

  it('never treats a step on a timer of the server as new', () => {
    assert.deepEqual(unrecorded(steps, recorded), ['rename a b']);
  });
});
