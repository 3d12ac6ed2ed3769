// The fast crash proof, in one process and on the simulator. For each kind of job, each call of the
// engine and each write of the store goes wrong in each way; the request must succeed or fail with
// a reason, and leave no remains. README.md in this folder explains more.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { jobKindNames } from '../../src/domain/job.ts';
import type { FailingFault, LateFault } from './boundary/boundaries.ts';
import { endures, isFenced, survives } from './boundary/run.ts';
import { scenarios } from './boundary/scenarios.ts';

const stepsMax = 100;
const limitMs = 300_000;
const failing: FailingFault[] = [
  'fails once',
  'fails for good',
  'fails for good, and so does its undo, once',
];
const late: LateFault[] = ['is late', 'is late and fails'];

// Hundreds of stores are opened, a few at a time. Keep them in memory where the system has such a
// folder: no proof here depends on a disk.
if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';

/** Runs with step 1, 2, … until `reaches` says that there is no such step. Returns their count. */
async function countSteps(reaches: (at: number) => Promise<boolean>): Promise<number> {
  let at = 1;
  while (at < stepsMax && (await reaches(at))) at++;
  assert.ok(at < stepsMax, 'a scenario has a bounded number of steps');
  return at - 1;
}

describe('death and failure at every step', { concurrency: 4 }, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(`of ${name} loses nothing and leaves nothing`, { timeout: limitMs }, async (t) => {
      const steps = await countSteps((at) => survives(scenario, at));
      t.diagnostic(`${steps} steps`);
      assert.ok(steps > 2);
    });
  }

  for (const how of failing) {
    for (const [name, scenario] of Object.entries(scenarios)) {
      it(`of ${name}: a step that ${how} leaves nothing half done`, {
        timeout: limitMs,
      }, async (t) => {
        const steps = await countSteps((at) => endures(scenario, at, how));
        t.diagnostic(`${steps} failures`);
        assert.equal(steps > 1, !scenario.callsNoEngine);
      });
    }
  }

  for (const how of late) {
    for (const [name, scenario] of Object.entries(scenarios)) {
      it(`of ${name}: an owner that ${how}, after its lease passed on, changes nothing`, {
        timeout: limitMs,
      }, async (t) => {
        let refusals = 0;
        const refused = () => void refusals++;
        const steps = await countSteps((at) => isFenced(scenario, at, how, refused));
        t.diagnostic(`${steps} steps, ${refusals} calls of the engine refused`);
        assert.equal(steps > 1, how === 'is late' || !scenario.callsNoEngine);
        assert.equal(refusals > 0, how === 'is late' && !scenario.callsNoEngine);
      });
    }
  }

  it('is tried for every kind of job', () => {
    const tried = new Set(Object.values(scenarios).map((scenario) => scenario.kind));
    assert.deepEqual([...tried].sort(), [...jobKindNames].sort());
  });
});
