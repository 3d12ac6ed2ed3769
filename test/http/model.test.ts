// Random sequences of operations, side by side on the whole stack and on a small model of the
// contract's states. Between two settles only requests change anything, so that the test meets
// every intermediate state; after a settle the engine, the store and the model agree.

import { describe, it } from 'node:test';
import fc from 'fast-check';
import { runs } from '../runs.ts';
import { type Scope, virtualClock } from '../support.ts';
import { type Fault, faulty } from './fault.ts';
import { startHarness } from './harness.ts';
import { Model, type ModelMachine } from './model.ts';
import { agree, agreeWithEngine } from './model-agreement.ts';
import { step, take } from './model-step.ts';

/** The most faults of a settle; fewer than the attempts of a job, so that each job can be done. */
const faultsMax = 2;
const isAmongFirst = (faults: readonly Fault[], index: number) =>
  faults.slice(0, index).filter((fault) => fault !== null).length < faultsMax;

/** The third machine has a small disk, and the engine cannot start the fourth. */
const machineOf = (id: number, index: number): ModelMachine => ({
  id,
  status: 'off',
  disk: null,
  kept: [],
  prior: null,
  priorPending: false,
  assigned: null,
  pending: false,
  capturing: null,
  stopRequested: false,
  deleted: false,
  diskGb: index === 2 ? 2 : 20,
  startFails: index === 3,
});

describe('the service', () => {
  it('agrees with the model of the contract over random sequences of operations', async (t) => {
    let steps = 0;
    let injected = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }),
        async (sequence) => {
          const cleanups: (() => Promise<void>)[] = [];
          const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };
          try {
            let faults: Fault[] = [];
            const clock = virtualClock();
            const h = await startHarness(scope, {
              reconcile: false,
              clock,
              settings: { templatePolicy: 'always' },
              wrapEngine: (engine) =>
                faulty(
                  engine,
                  () => faults.shift() ?? null,
                  () => injected++,
                ),
            });
            const small = await h.addMachine(h.ours, 'small', 2);
            const failing = await h.addMachine(h.ours, 'sim-fail-start');
            const ids = [...h.machines, small.id, failing.id];
            const model = new Model(ids.map(machineOf));
            for (const one of sequence) {
              await take(h, model, one, (next) => {
                faults = next.filter((fault, index) => fault === null || isAmongFirst(next, index));
              });
              await agree(h, model);
              // Time must pass, so that disks that were replaced one after the other expire in that
              // order.
              await clock.sleep(1);
              if (one.kind === 'settle') await agreeWithEngine(h, model);
              steps++;
            }
          } finally {
            for (const cleanup of cleanups) await cleanup();
          }
        },
      ),
      { numRuns: runs(3) },
    );
    t.diagnostic(`${steps} steps, ${injected} faults injected`);
  });
});
