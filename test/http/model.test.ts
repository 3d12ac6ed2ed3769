// Random sequences of operations, side by side on the whole stack and on a small model of the
// contract's states. Between two `settle` nothing moves but by request, so that every state in
// between is met; after one, the engine, the store and the model agree.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failedForNow } from '../../src/domain/error.ts';
import type { MachineStatus } from '../../src/domain/machine.ts';
import { call } from '../call.ts';
import { type Scope, virtualClock } from '../support.ts';
import { type Harness, startHarness } from './harness.ts';

interface ModelDisk {
  image: number | null;
  replaces: ModelDisk | null;
}

interface ModelMachine {
  id: number;
  status: MachineStatus;
  disk: ModelDisk | null;
  /** Disks set aside, the last one last. */
  kept: ModelDisk[];
  /**
   * What it has of an image that is deleted counts for nothing, and again when the image is
   * restored.
   */
  assigned: number | null;
  pending: boolean;
  prior: number | null;
  priorPending: boolean;
  capturing: number | null;
  stopRequested: boolean;
  diskGb: number;
  /** The engine cannot start it. */
  startFails: boolean;
}

interface ModelImage {
  id: number;
  status: 'pending' | 'available' | 'failed';
  sizeGb: number;
  fails: boolean;
  deleted: boolean;
}

const starting = (machine: ModelMachine) =>
  machine.capturing === null && ['creating', 'turning_on', 'installing'].includes(machine.status);

class Model {
  readonly machines: ModelMachine[];
  readonly images: ModelImage[] = [];

  constructor(machines: ModelMachine[]) {
    this.machines = machines;
  }

  start(machine: ModelMachine): number {
    if (machine.capturing !== null) return 4201;
    if (machine.status === 'ready' || (starting(machine) && !machine.stopRequested)) return 200;
    if (machine.status !== 'off') return 4201;
    if (machine.disk !== null && !this.isPending(machine)) machine.status = 'turning_on';
    else {
      const image = this.images.find((one) => one.id === this.live(machine.assigned));
      if (image && image.status !== 'available') return 4201;
      machine.status = this.isPending(machine) ? 'installing' : 'creating';
    }
    this.goWithout(machine);
    return 200;
  }

  isPending(machine: ModelMachine): boolean {
    return machine.pending && this.live(machine.assigned) !== null;
  }

  /** A machine that starts without the deleted image that it waited for does not get it back. */
  goWithout(machine: ModelMachine): void {
    if (machine.pending && !this.isPending(machine))
      Object.assign(machine, { assigned: null, pending: false });
  }

  stop(machine: ModelMachine): number {
    if (machine.capturing !== null) return 4201;
    if (['off', 'turning_off'].includes(machine.status)) return 200;
    if (machine.status !== 'ready') return 4201;
    machine.status = 'turning_off';
    return 200;
  }

  reset(machine: ModelMachine): number {
    if (machine.capturing !== null) return 4201;
    if (machine.status !== 'off') return 400;
    if (machine.disk !== null) {
      machine.assigned = this.live(machine.assigned);
      machine.pending = machine.assigned !== null;
    }
    this.setAside(machine);
    return 200;
  }

  capture(machine: ModelMachine): number {
    if (machine.disk === null) return 4208;
    if (machine.capturing !== null) return 4212;
    return machine.status === 'off' ? 200 : 4209;
  }

  assign(image: ModelImage, machines: ModelMachine[]): number {
    if (image.deleted) return 404;
    if (image.status !== 'available') return 4210;
    if (machines.some((machine) => machine.capturing !== null)) return 4214;
    if (machines.some((machine) => machine.diskGb < image.sizeGb)) return 4510;
    for (const machine of machines) {
      Object.assign(machine, { prior: machine.assigned, priorPending: machine.pending });
      machine.assigned = image.id;
      machine.pending = true;
      if (machine.status === 'ready') machine.status = 'turning_off';
      else if (starting(machine)) machine.stopRequested = true;
    }
    return 200;
  }

  delete(image: ModelImage): number {
    if (image.deleted) return 404;
    image.deleted = true;
    for (const machine of this.machines) {
      if (machine.capturing === image.id)
        Object.assign(machine, { capturing: null, status: 'off' });
    }
    return 200;
  }

  setAside(machine: ModelMachine): void {
    if (machine.disk !== null) machine.kept.push(machine.disk);
    machine.disk = null;
  }

  putBack(machine: ModelMachine, disk: ModelDisk | null): void {
    this.setAside(machine);
    machine.kept = machine.kept.filter((one) => one !== disk);
    machine.disk = disk;
  }

  live(id: number | null): number | null {
    return this.images.some((image) => image.id === id && !image.deleted) ? id : null;
  }

  restoreDisk(machine: ModelMachine): number {
    const disk = machine.kept.at(-1);
    if (!disk) return 404;
    if (machine.status !== 'off') return 4201;
    this.putBack(machine, disk);
    Object.assign(machine, { assigned: disk.image, pending: false });
    return 200;
  }

  undo(image: ModelImage): number {
    if (image.deleted) return 404;
    const machines = this.machines.filter((machine) => machine.assigned === image.id);
    const taken = (machine: ModelMachine) => !machine.pending && machine.disk?.image === image.id;
    for (const machine of machines) {
      if (machine.capturing !== null || starting(machine)) return 4201;
      if (taken(machine) && machine.status !== 'off') return 4201;
      const before = machine.disk?.replaces ?? null;
      if (taken(machine) && before !== null && !machine.kept.includes(before)) return 409;
    }
    for (const machine of machines) {
      if (taken(machine)) this.putBack(machine, machine.disk?.replaces ?? null);
      Object.assign(machine, {
        assigned: machine.prior,
        pending: machine.priorPending,
        prior: null,
        priorPending: false,
      });
    }
    return 200;
  }

  restoreImage(image: ModelImage): number {
    if (!image.deleted || image.status !== 'available') return 404;
    image.deleted = false;
    return 200;
  }

  settle(): void {
    for (const image of this.images)
      if (image.status === 'pending' && !image.deleted)
        image.status = image.fails ? 'failed' : 'available';
    for (const machine of this.machines) {
      if (machine.capturing !== null) Object.assign(machine, { capturing: null, status: 'off' });
      else if (machine.status === 'turning_off') machine.status = 'off';
      else if (starting(machine)) {
        if (!machine.stopRequested && machine.startFails) this.goWithout(machine);
        if (machine.stopRequested || machine.startFails) machine.status = 'off';
        else {
          this.goWithout(machine);
          if (machine.disk === null || machine.pending) {
            const disk = { image: machine.assigned, replaces: machine.disk };
            this.setAside(machine);
            machine.disk = disk;
          }
          Object.assign(machine, { status: 'ready', pending: false });
        }
        machine.stopRequested = false;
      }
    }
  }
}

const step = fc.record({
  kind: fc.constantFrom(
    'install',
    'capture',
    'assign',
    'delete',
    'start',
    'start',
    'stop',
    'reset',
    'restoreDisk',
    'restoreDisk',
    'undo',
    'undo',
    'restoreImage',
    'deleteAndRestore',
    'deleteAndRestore',
    'settle',
    'settle',
  ),
  machine: fc.nat({ max: 3 }),
  others: fc.array(fc.nat({ max: 3 }), { maxLength: 2 }),
  image: fc.nat({ max: 5 }),
  title: fc.nat({ max: 3 }),
  faults: fc.array(fc.constantFrom('before', 'after', null, null), { maxLength: 12 }),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

async function take(
  h: Harness,
  model: Model,
  { kind, machine: index, others, image: nth, title, faults }: Step,
  inject: (faults: Fault[]) => void,
): Promise<void> {
  const machine = model.machines[index];
  const image = model.images[model.images.length - 1 - nth];
  assert.ok(machine);
  const codeOf = async (answer: ReturnType<Harness['call']>) => (await answer).body.client_code;
  const params = { id: machine.id };
  switch (kind) {
    case 'install': {
      const lists = [[], [h.editor.id, h.browser.id], [h.broken.id], [h.editor.id, h.filling.id]];
      const software_ids = lists[title] ?? [];
      const { body } = await h.call('imageInstall', { body: { software_ids } });
      assert.equal(body.client_code, 200);
      model.images.push({
        id: body.attributes.id,
        status: 'pending',
        sizeGb: body.attributes.size,
        fails: title >= 2,
        deleted: false,
      });
      return;
    }
    case 'capture': {
      const expected = model.capture(machine);
      const { body } = await h.call('imageCapture', { body: { machine_id: machine.id } });
      assert.equal(body.client_code, expected);
      if (expected !== 200) return;
      model.images.push({
        id: body.attributes.id,
        status: 'pending',
        sizeGb: machine.diskGb,
        fails: false,
        deleted: false,
      });
      Object.assign(machine, { status: 'installing', capturing: body.attributes.id });
      return;
    }
    case 'assign': {
      if (!image) return;
      const machines = [...new Set([index, ...others])].flatMap((one) => model.machines[one] ?? []);
      const body = { machine_ids: machines.map((one) => one.id) };
      assert.equal(
        await codeOf(h.call('imageAssign', { params: { id: image.id }, body })),
        model.assign(image, machines),
      );
      return;
    }
    case 'delete':
      if (image)
        assert.equal(
          await codeOf(h.call('imageDelete', { params: { id: image.id } })),
          model.delete(image),
        );
      return;
    case 'deleteAndRestore': {
      if (!image || image.deleted || image.status !== 'available') return;
      const before = await machineRows(h);
      assert.equal(await codeOf(h.call('imageDelete', { params: { id: image.id } })), 200);
      model.delete(image);
      await agree(h, model);
      assert.equal(
        await codeOf(h.call('imageRestore', { params: { id: image.id } })),
        model.restoreImage(image),
      );
      assert.deepEqual(await machineRows(h), before);
      return;
    }
    case 'start':
      return assert.equal(await codeOf(h.call('machineStart', { params })), model.start(machine));
    case 'stop':
      return assert.equal(await codeOf(h.call('machineStop', { params })), model.stop(machine));
    case 'reset':
      return assert.equal(await codeOf(h.call('machineReset', { params })), model.reset(machine));
    case 'restoreDisk':
      return assert.equal(
        await codeOf(h.call('machineRestore', { params })),
        model.restoreDisk(machine),
      );
    case 'undo':
      if (image)
        assert.equal(
          await codeOf(h.call('imageAssignUndo', { params: { id: image.id } })),
          model.undo(image),
        );
      return;
    case 'restoreImage':
      if (image)
        assert.equal(
          await codeOf(h.call('imageRestore', { params: { id: image.id } })),
          model.restoreImage(image),
        );
      return;
    default:
      inject([...faults]);
      await h.service.reconciler.settle();
      // A fault may meet the collector too; like its timer, it is called again.
      await h.service.reconciler.task('collect').catch(() => {});
      inject([]);
      await h.service.reconciler.task('collect');
      model.settle();
  }
}

/** All that is known of the machines, but for when they were changed. */
const machineRows = async (h: Harness) =>
  (await h.store.read('system', (work) => work.machines.everyone())).map((machine) => ({
    ...machine,
    updatedAt: 0,
  }));

async function agree(h: Harness, model: Model): Promise<void> {
  for (const machine of model.machines) {
    const { attributes } = (await h.call('machineGet', { params: { id: machine.id } })).body;
    assert.deepEqual(
      {
        status: attributes.friendly_status,
        assigned: attributes.assigned_image_id,
        pending: attributes.assignment_pending,
      },
      {
        status: machine.status,
        assigned: model.live(machine.assigned),
        pending: model.isPending(machine),
      },
    );
  }
  const { images } = (await h.call('imageList', { query: '?per_page=100' })).body;
  assert.deepEqual(
    images.map(({ attributes }: { attributes: { id: number; status: string } }) => [
      attributes.id,
      attributes.status,
    ]),
    model.images
      .filter((image) => !image.deleted)
      .map((image) => [image.id, image.status])
      .reverse(),
  );
}

/**
 * After a settle: the engine runs what is ready and keeps what the store knows, and nothing is left
 * to do.
 */
async function agreeWithEngine(h: Harness, model: Model): Promise<void> {
  const ready = model.machines
    .filter((machine) => machine.status === 'ready')
    .map((machine) => machine.id);
  assert.deepEqual(new Set<number>(await h.engine.runningMachines(call)), new Set(ready));
  const known = await h.store.read('system', async (work) => ({
    layers: await work.layers.ids(),
    disks: await work.disks.ids(),
  }));
  const kept = await h.engine.inventory(call);
  assert.deepEqual([...kept.layers.keys()].sort(), known.layers.sort());
  assert.deepEqual([...kept.disks.keys()].sort(), known.disks.sort());
}

type Fault = 'before' | 'after' | null;

const verbs = new Set<string | symbol>([
  'ensureDisk',
  'sealDisk',
  'removeDisk',
  'removeLayer',
  'buildLayer',
  'digest',
  'startMachine',
  'machineState',
  'stopMachine',
]);

/**
 * An engine whose next verb fails as `next` says: before it did anything, or after it did all and
 * could not say so.
 */
function faulty<Part extends object>(part: Part, next: () => Fault, onFault: () => void): Part {
  return new Proxy(part, {
    get(target, name) {
      const verb = Reflect.get(target, name);
      if (typeof verb === 'object' && verb !== null) return faulty(verb, next, onFault);
      if (!verbs.has(name) || typeof verb !== 'function') return verb;
      return async (...args: unknown[]) => {
        const fault = next();
        if (fault !== null) onFault();
        if (fault === 'before') throw failedForNow('The engine failed before it began.');
        const result = await verb.apply(target, args);
        if (fault === 'after') throw failedForNow('The engine failed to answer.');
        return result;
      };
    },
  });
}

/** As many faults as every workflow has to survive: fewer than the attempts that it has. */
const faultsMax = 2;
const isAmongFirst = (faults: readonly Fault[], index: number) =>
  faults.slice(0, index).filter((fault) => fault !== null).length < faultsMax;

describe('the service', () => {
  it('does what the model of the contract does, over random sequences of operations', async (t) => {
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
            const model = new Model(
              ids.map((id, index) => ({
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
                diskGb: index === 2 ? 2 : 20,
                startFails: index === 3,
              })),
            );
            for (const one of sequence) {
              await take(h, model, one, (next) => {
                faults = next.filter((fault, index) => fault === null || isAmongFirst(next, index));
              });
              await agree(h, model);
              // What is set aside later is kept until later.
              await clock.sleep(1);
              if (one.kind === 'settle') await agreeWithEngine(h, model);
              steps++;
            }
          } finally {
            for (const cleanup of cleanups) await cleanup();
          }
        },
      ),
      { numRuns: 10 },
    );
    t.diagnostic(`${steps} steps, ${injected} faults injected`);
  });
});
