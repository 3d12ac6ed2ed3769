// The three ways in which a scenario is run with a step that goes wrong. Each returns whether the
// step was reached, so that a caller can count up until the scenario has no more steps.

import assert from 'node:assert/strict';
import { failedForGood } from '../../../src/domain/error.ts';
import type { DiskId } from '../../../src/domain/ids.ts';
import type { Engine } from '../../../src/engine/port/engine.ts';
import { openSimulator } from '../../../src/engine/simulator/engine.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { examine } from '../../../src/reconcile/doctor.ts';
import { buildService } from '../../../src/server/service.ts';
import type { Store } from '../../../src/store/port/unit-of-work.ts';
import { openSqlite } from '../../../src/store/sqlite/open.ts';
import { call } from '../../call.ts';
import { type Harness, startHarness } from '../../http/harness.ts';
import { defer, type Scope, virtualClock } from '../../support.ts';
import { type Boundaries, boundaries, type FailingFault, type LateFault } from './boundaries.ts';
import { imagesOf, machineOf, type Scenario } from './scenarios.ts';

/** Longer than any lease. */
const leaseMs = 31_000;
const settings = { pollMs: 5, collectDelayMs: 0, templatePolicy: 'never' } as const;
const cleaning = ['collect', 'sweep', 'collect'] as const;

interface Begun {
  h: Harness;
  steps: Boundaries;
  clock: Clock;
  scope: Scope;
}

/** Runs a scenario up to its request, then `run`, and closes the store and the engine. */
async function begin(
  scenario: Scenario,
  run: (begun: Begun) => Promise<boolean>,
): Promise<boolean> {
  const cleanups: (() => Promise<void>)[] = [];
  const scope: Scope = { after: (cleanup) => void cleanups.push(cleanup) };
  const clock = virtualClock();
  try {
    const steps = boundaries();
    const h = await startHarness(scope, { reconcile: false, clock, ...steps });
    await scenario.prepare(h);
    await scenario.ask(h);
    return await run({ h, steps, clock, scope });
  } finally {
    for (const cleanup of cleanups) await cleanup();
  }
}

/**
 * Abandons the server at step `at`, with its store and engine. Another server takes over with its
 * own store and engine.
 */
export const survives = (scenario: Scenario, at: number): Promise<boolean> =>
  begin(scenario, async ({ h, steps, clock, scope }) => {
    const reached = steps.goWrongAt(at, 'dies');
    const end = await Promise.race([
      reached,
      h.service.reconciler.settle().then(() => 'ended' as const),
    ]);
    const store = await openSqlite({ dataDir: h.dataDir, now: clock.now });
    const engine = await openSimulator({ root: h.dataDir, clock, speed: 0 });
    const { dataDir, masterKey, signer } = h;
    const heir = buildService({
      ...{ dataDir, store, engine, masterKey, signer, clock, settings },
      logLevel: 'silent',
    });
    defer(scope, async () => {
      steps.end(new Error('abandoned'));
      await heir.close();
      await store.close();
    });
    await store.write('system', (work) => work.jobs.endLeases());
    await heir.reconciler.settle();
    for (const task of cleaning) await heir.reconciler.task(task);
    await scenario.holds(store, h);
    await assertAtRest(store, engine);
    return end === 'reached';
  });

/**
 * Makes step `at` throw, and lets the same server continue. A job that failed for good must say
 * why, and leave nothing behind.
 */
export const endures = (scenario: Scenario, at: number, how: FailingFault): Promise<boolean> =>
  begin(scenario, async ({ h, steps }) => {
    steps.goWrongAt(at, how);
    await h.service.reconciler.settle();
    const hasFailed = steps.hasFailed();
    steps.goWell();
    for (const task of ['observe', ...cleaning] as const) await h.service.reconciler.task(task);
    await h.service.reconciler.settle();
    if (how === 'fails once' || !hasFailed) await scenario.holds(h.store, h);
    for (const image of await imagesOf(h.store, h)) {
      const { id, status, statusReason } = image;
      assert.ok(['available', 'failed'].includes(status), `image ${id} is ${status}`);
      assert.equal(status === 'failed', statusReason !== null);
    }
    const id = machineOf(h);
    const machine = await h.store.read(
      h.ours,
      async ({ machines }) => (await machines.find(id)) ?? machines.getDeleted(id),
    );
    assert.ok(['off', 'ready'].includes(machine.status), `the machine is ${machine.status}`);
    await assertAtRest(h.store, h.engine);
    return hasFailed;
  });

/**
 * Makes step `at` take longer than the lease, so that another server finishes the job first. Then
 * the step returns or throws, and the late owner must change nothing. The engine refuses the late
 * owner's next call, which is reported to `refused`.
 */
export const isFenced = (
  scenario: Scenario,
  at: number,
  how: LateFault,
  refused: () => void,
): Promise<boolean> =>
  begin(scenario, async ({ h, steps, clock }) => {
    const reached = steps.goWrongAt(at, how);
    const settling = h.service.reconciler.settle();
    const end = await Promise.race([reached, settling.then(() => 'ended' as const)]);
    await clock.sleep(leaseMs);
    const heir = buildService({ ...h, clock, settings, logLevel: 'silent' });
    await heir.reconciler.settle();
    steps.end(how === 'is late' ? undefined : failedForGood('on purpose, and late'));
    await settling;
    assert.notEqual(steps.lateCall(), 'allowed', 'the engine refuses the call of a late owner');
    if (steps.lateCall() === 'refused') refused();
    for (const task of cleaning) await heir.reconciler.task(task);
    await heir.close();
    await scenario.holds(h.store, h);
    await assertAtRest(h.store, h.engine);
    return end === 'reached';
  });

/** Store and engine agree, no job is open, there is no orphan, and the doctor finds nothing. */
async function assertAtRest(store: Store, engine: Engine): Promise<void> {
  const known = await store.read('system', async (work) => ({
    open: await work.jobs.open(100),
    orphans: await work.host.orphans(),
    layers: await work.layers.ids(),
    disks: await work.disks.ids(),
  }));
  assert.deepEqual([known.open, known.orphans], [[], []]);
  const kept = await engine.inventory(call);
  assert.deepEqual([...kept.layers.keys()].sort(), known.layers.sort());
  assert.deepEqual([...kept.disks.keys()].sort(), known.disks.sort() as DiskId[]);
  assert.deepEqual(await examine({ store, engine, clock: virtualClock() }), []);
}
