// Death at every step: the server is abandoned before and after every call of its engine and after
// every write of its store, for each workflow, and another one takes over on the same data. What
// was asked for comes true, and nothing is left that nothing owns.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { failedForGood, failedForNow } from '../../src/domain/error.ts';
import type { DiskId, ImageId, MachineId } from '../../src/domain/ids.ts';
import { type JobKind, jobKinds } from '../../src/domain/job.ts';
import type { Engine } from '../../src/engine/port.ts';
import { openSimulator } from '../../src/engine/simulator/engine.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { examine } from '../../src/reconcile/doctor.ts';
import { buildService } from '../../src/server/serve.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { type Harness, startHarness } from '../http/harness.ts';
import { defer, type Scope, virtualClock } from '../support.ts';

interface Scenario {
  /** Everything before the operation, settled. */
  prepare(h: Harness): Promise<void>;
  /** Asks for the operation. */
  ask(h: Harness): Promise<void>;
  /** Whether it came true, looked at after another server took over. */
  holds(store: Store, h: Harness): Promise<void>;
}

const settled = async (
  h: Harness,
  name: Parameters<Harness['call']>[0],
  id: number,
  body?: unknown,
) => {
  const answer = await h.call(name, { params: { id }, body });
  assert.equal(answer.body.client_code, 200, answer.body.message);
  await h.service.reconciler.settle();
  return answer.body;
};
const machineOf = (h: Harness) => h.machines[0] ?? 0;
const started = async (h: Harness) => {
  await settled(h, 'machineStart', machineOf(h));
};
const stopped = async (h: Harness) => {
  await started(h);
  await settled(h, 'machineStop', machineOf(h));
};
const asks = async (
  h: Harness,
  name: Parameters<Harness['call']>[0],
  id: number,
  body?: unknown,
) => {
  const answer = await h.call(name, { params: { id }, body });
  assert.equal(answer.body.client_code, 200, answer.body.message);
};
const images = (store: Store, h: Harness) =>
  store.read(h.ours, async (work) => (await work.images.list({ page: 1, perPage: 100 })).images);
const allAvailable = (count: number) => async (store: Store, h: Harness) => {
  assert.deepEqual(
    (await images(store, h)).map((image) => [image.status, image.layerId !== null]),
    Array.from({ length: count }, () => ['available', true]),
  );
};
const machineIs = (status: string) => async (store: Store, h: Harness) => {
  const machine = await store.read(h.ours, (work) => work.machines.get(machineOf(h) as MachineId));
  assert.deepEqual(
    [machine.status, machine.diskId !== null, machine.assignmentPendingAt],
    [status, true, null],
  );
};

const scenarios: Record<string, Scenario & { kind: JobKind }> = {
  'a capture': {
    kind: 'imageCapture',
    prepare: stopped,
    ask: (h) => asks(h, 'imageCapture', 0, { machine_id: machineOf(h) }),
    holds: allAvailable(1),
  },
  'a capture that is generalised': {
    kind: 'imageCapture',
    prepare: stopped,
    ask: (h) => asks(h, 'imageCapture', 0, { machine_id: machineOf(h), generalize: true }),
    holds: allAvailable(1),
  },
  'an installation of three titles': {
    kind: 'imageInstall',
    prepare: async () => {},
    ask: (h) =>
      asks(h, 'imageInstall', 0, { software_ids: [h.editor.id, h.browser.id, h.viewer.id] }),
    holds: allAvailable(1),
  },
  'a start on an image that was assigned': {
    kind: 'machineStart',
    async prepare(h) {
      await stopped(h);
      const { attributes } = await settled(h, 'imageInstall', 0, { software_ids: [h.editor.id] });
      await settled(h, 'imageAssign', attributes.id, { machine_ids: [machineOf(h)] });
    },
    ask: (h) => asks(h, 'machineStart', machineOf(h)),
    holds: machineIs('ready'),
  },
  'a stop': {
    kind: 'machineStop',
    prepare: started,
    ask: (h) => asks(h, 'machineStop', machineOf(h)),
    holds: machineIs('off'),
  },
  'an export': {
    kind: 'imageExport',
    async prepare(h) {
      await settled(h, 'imageInstall', 0, { software_ids: [h.editor.id] });
    },
    ask: (h) => asks(h, 'imageExport', 1),
    async holds(store, h) {
      const [transfer] = await store.read(h.ours, (work) => work.transfers.list());
      assert.deepEqual([transfer?.status, transfer?.sha256?.length], ['available', 64]);
    },
  },
  'an import': {
    kind: 'imageImport',
    async prepare(h) {
      const bytes = JSON.stringify({ simulated: ['brought in'], virtualBytes: 1024 });
      const { id } = (await h.call('imageImport', { body: { size_bytes: bytes.length } })).body;
      const path = `/organization-management/v1/transfers/${id}/parts/0`;
      await h.send({ method: 'POST', path, body: bytes });
    },
    async ask(h) {
      const [transfer] = await h.store.read(h.ours, (work) => work.transfers.list());
      await asks(h, 'transferFinish', transfer?.id as never);
    },
    holds: allAvailable(1),
  },
  'a compaction': {
    kind: 'layerCompact',
    async prepare(h) {
      await stopped(h);
      for (let round = 0; round < 8; round++)
        await settled(h, 'imageCapture', 0, { machine_id: machineOf(h) });
    },
    ask: (h) => h.service.reconciler.task('compact'),
    async holds(store, h) {
      const [newest] = await images(store, h);
      const { layerId } = await store.read(h.ours, (work) =>
        work.images.get(newest?.id as ImageId),
      );
      const chain = await store.read('system', (work) => work.layers.chain(layerId as never));
      assert.deepEqual([chain.length, chain[0]?.jobId], [2, null]);
    },
  },
};

/**
 * How a step goes wrong: it never comes back; it comes back, or fails, when its lease has passed
 * on; or it throws, before its effect or after it, what passes or what does not.
 */
type Late = 'is late' | 'is late and fails';
type Failing = 'fails for good' | 'fails once' | 'fails for good, and so does its undo, once';
type Ill = 'dies' | Late | Failing;

/** Counts the steps of everything that goes through it, and lets the one that is named go wrong. */
function boundaries() {
  let [count, deadAt] = [0, Number.POSITIVE_INFINITY];
  let ill: Ill = 'dies';
  let failures = 0;
  let died: () => void = () => {};
  let release: (error?: Error) => void = () => {};
  const step = async (ofEngine: boolean) => {
    const hangs = ill === 'dies' || ill === 'is late';
    // A store that fails takes its server with it; an engine's failures are answered.
    if (!hangs && !ofEngine) return;
    count++;
    if (!hangs && ill !== 'is late and fails') {
      const twice =
        ill === 'fails for good, and so does its undo, once' && count > deadAt && failures === 1;
      if (count !== deadAt && !twice) return;
      failures++;
      died();
      throw ill === 'fails once' || twice
        ? failedForNow('on purpose, once')
        : failedForGood('on purpose, for good');
    }
    if (count !== deadAt) return;
    died();
    await new Promise<void>((resolve, reject) => {
      release = (error) => (error ? reject(error) : resolve());
    });
  };
  const wrapEngine = (engine: Engine): Engine =>
    new Proxy(engine, {
      get(target, name) {
        const verb = Reflect.get(target, name);
        if (typeof verb !== 'function') return verb;
        return async (...args: unknown[]) => {
          // A layer that cannot be read is quarantined, which is its own story.
          const answered = name !== 'layerDigest';
          await step(answered);
          const result = await verb.apply(target, args);
          await step(answered);
          return result;
        };
      },
    });
  const wrapStore = (store: Store): Store => ({
    ...store,
    async write(scope, work) {
      const result = await store.write(scope, work);
      await step(false);
      return result;
    },
  });
  return {
    wrapEngine,
    wrapStore,
    /** From here on steps are counted anew; resolves when step `at` is reached. */
    goWrongAt(at: number, how: Ill): Promise<'died'> {
      [count, deadAt, ill, failures] = [0, at, how, 0];
      return new Promise((resolve) => {
        died = () => resolve('died');
      });
    },
    wentWrong: () => failures > 0,
    /** Who hangs at the step goes on, or fails. */
    end: (error?: Error) => release(error),
  };
}

/**
 * Store and engine agree, nothing is open, nothing is left that nothing owns, and everything is at
 * rest.
 */
async function assertAtRest(store: Store, engine: Engine): Promise<void> {
  const known = await store.read('system', async (work) => ({
    open: await work.jobs.open(100),
    orphans: await work.host.orphans(),
    layers: await work.layers.ids(),
    disks: await work.disks.ids(),
  }));
  assert.deepEqual([known.open, known.orphans], [[], []]);
  const kept = await engine.inventory();
  assert.deepEqual([...kept.layers.keys()].sort(), known.layers.sort());
  assert.deepEqual([...kept.disks.keys()].sort(), known.disks.sort() as DiskId[]);
  assert.deepEqual(await examine({ store, engine, clock: virtualClock() }), []);
}

type Begun = { h: Harness; steps: ReturnType<typeof boundaries>; clock: Clock; scope: Scope };

/** Everything up to the moment from which steps count; what was opened is closed after `run`. */
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
 * Runs a scenario to its end or to the step, and lets another server take over. False when it has
 * fewer steps.
 */
const survives = (scenario: Scenario, at: number): Promise<boolean> =>
  begin(scenario, async ({ h, steps, clock, scope }) => {
    const died = steps.goWrongAt(at, 'dies');
    const end = await Promise.race([
      died,
      h.service.reconciler.settle().then(() => 'ended' as const),
    ]);

    const store = await openSqlite({ dataDir: h.dataDir, now: clock.now });
    const engine = await openSimulator({ root: h.dataDir, clock, speed: 0 });
    const { dataDir, masterKey, signer } = h;
    const settings = { pollMs: 5, collectDelayMs: 0 };
    const heir = buildService({
      dataDir,
      store,
      engine,
      masterKey,
      signer,
      clock,
      settings,
      logLevel: 'silent',
    });
    defer(scope, async () => {
      steps.end(new Error('abandoned'));
      await heir.close();
      await store.close();
    });
    await store.write('system', (work) => work.jobs.releaseAll());
    await heir.reconciler.settle();
    for (const task of ['collect', 'sweep', 'collect'] as const) await heir.reconciler.task(task);
    await scenario.holds(store, h);
    await assertAtRest(store, engine);
    return end === 'died';
  });

/**
 * Runs a scenario in which a step of the engine goes wrong. False when it has fewer. Who fails for
 * good says why, and leaves nothing.
 */
const endures = (scenario: Scenario, at: number, how: Failing): Promise<boolean> =>
  begin(scenario, async ({ h, steps }) => {
    steps.goWrongAt(at, how);
    await h.service.reconciler.settle();
    const wentWrong = steps.wentWrong();
    steps.goWrongAt(Number.POSITIVE_INFINITY, how);
    for (const task of ['observe', 'collect', 'sweep', 'collect'] as const)
      await h.service.reconciler.task(task);
    await h.service.reconciler.settle();
    if (how === 'fails once' || !wentWrong) await scenario.holds(h.store, h);
    for (const image of await images(h.store, h)) {
      assert.ok(
        ['available', 'failed'].includes(image.status),
        `image ${image.id} is ${image.status}`,
      );
      assert.equal(image.status === 'failed', image.statusReason !== null);
    }
    const machine = await h.store.read(h.ours, (work) =>
      work.machines.get(machineOf(h) as MachineId),
    );
    assert.ok(['off', 'ready'].includes(machine.status), `the machine is ${machine.status}`);
    await assertAtRest(h.store, h.engine);
    return wentWrong;
  });

/**
 * Runs a scenario whose owner is held up at a step for longer than its lease, while another one
 * finishes; then it goes on, or fails for good. False when it has fewer steps.
 */
const isFenced = (scenario: Scenario, at: number, how: Late): Promise<boolean> =>
  begin(scenario, async ({ h, steps, clock }) => {
    const late = steps.goWrongAt(at, how);
    const settling = h.service.reconciler.settle();
    const end = await Promise.race([late, settling.then(() => 'ended' as const)]);
    await clock.sleep(leaseMs);
    const settings = { pollMs: 5, collectDelayMs: 0 };
    const heir = buildService({ ...h, clock, settings, logLevel: 'silent' });
    await heir.reconciler.settle();
    steps.end(how === 'is late' ? undefined : failedForGood('on purpose, and late'));
    await settling;
    for (const task of ['collect', 'sweep', 'collect'] as const) await heir.reconciler.task(task);
    await heir.close();
    await scenario.holds(h.store, h);
    await assertAtRest(h.store, h.engine);
    return end === 'died';
  });

const leaseMs = 31_000;
const stepsMax = 100;
// Hundreds of stores, a few at a time. They lie in memory where there is such a folder: what is
// shown here depends on no disk.
if (existsSync('/dev/shm')) process.env.TMPDIR = '/dev/shm';

describe('death and failure at every step', { concurrency: 4 }, () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(`of ${name} loses nothing and leaves nothing`, { timeout: 120_000 }, async (t) => {
      let at = 1;
      while (at < stepsMax && (await survives(scenario, at))) at++;
      t.diagnostic(`${at - 1} steps`);
      assert.ok(at > 3 && at < stepsMax);
    });
  }

  for (const how of [
    'fails once',
    'fails for good',
    'fails for good, and so does its undo, once',
  ] as const) {
    for (const [name, scenario] of Object.entries(scenarios)) {
      it(`of ${name}: one that ${how} leaves nothing half done`, {
        timeout: 120_000,
      }, async (t) => {
        let at = 1;
        while (at < stepsMax && (await endures(scenario, at, how))) at++;
        t.diagnostic(`${at - 1} failures`);
        assert.ok(at > 2 && at < stepsMax);
      });
    }
  }

  for (const how of ['is late', 'is late and fails'] as const) {
    for (const [name, scenario] of Object.entries(scenarios)) {
      it(`of ${name}: whoever ${how}, when its lease has passed on, changes nothing`, {
        timeout: 120_000,
      }, async (t) => {
        let at = 1;
        while (at < stepsMax && (await isFenced(scenario, at, how))) at++;
        t.diagnostic(`${at - 1} steps`);
        assert.ok(at > 2 && at < stepsMax);
      });
    }
  }

  it('is tried of every kind of job', () => {
    const tried = new Set(Object.values(scenarios).map((scenario) => scenario.kind));
    assert.deepEqual([...tried].sort(), [...jobKinds].sort());
  });
});
