// One random step, taken on the whole stack and on the model of the contract.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Fault } from './fault.ts';
import type { Harness } from './harness.ts';
import type { Model, ModelImage, ModelMachine } from './model.ts';
import { agree, machineRows } from './model-agreement.ts';

const kinds = [
  'install',
  'capture',
  'assign',
  'delete',
  'cancel',
  'start',
  'start',
  'stop',
  'reset',
  'deleteMachine',
  'undeleteMachine',
  'undeleteMachine',
  'restoreDisk',
  'restoreDisk',
  'undo',
  'undo',
  'restoreImage',
  'deleteAndRestore',
  'deleteAndRestore',
  'settle',
  'settle',
] as const;

export const step = fc.record({
  kind: fc.constantFrom(...kinds),
  machine: fc.nat({ max: 3 }),
  others: fc.array(fc.nat({ max: 3 }), { maxLength: 2 }),
  image: fc.nat({ max: 5 }),
  title: fc.nat({ max: 3 }),
  faults: fc.array(fc.constantFrom('before', 'after', null, null), { maxLength: 12 }),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

interface Given {
  h: Harness;
  model: Model;
  step: Step;
  machine: ModelMachine;
  /** Counted from the newest; undefined when there are fewer. */
  image: ModelImage | undefined;
  inject: (faults: Fault[]) => void;
}

const codeOf = async (answer: ReturnType<Harness['call']>) => (await answer).body.client_code;

/** Takes an operation on a machine, or on an image when there is one. */
const onMachine =
  (
    name: Parameters<Harness['call']>[0],
    expected: (model: Model, machine: ModelMachine) => number,
  ) =>
  async ({ h, model, machine }: Given) =>
    assert.equal(
      await codeOf(h.call(name, { params: { id: machine.id } })),
      expected(model, machine),
    );
const onImage =
  (name: Parameters<Harness['call']>[0], expected: (model: Model, image: ModelImage) => number) =>
  async ({ h, model, image }: Given) => {
    if (image)
      assert.equal(
        await codeOf(h.call(name, { params: { id: image.id } })),
        expected(model, image),
      );
  };

const pending = { status: 'pending' as const, fails: false, cancelled: false, deleted: false };

async function install({ h, model, step: { title } }: Given): Promise<void> {
  const lists = [[], [h.editor.id, h.browser.id], [h.broken.id], [h.editor.id, h.filling.id]];
  const software_ids = lists[title] ?? [];
  const { body } = await h.call('imageInstall', { body: { software_ids } });
  assert.equal(body.client_code, 200);
  const { id, size: sizeGb } = body.attributes;
  model.images.push({ ...pending, id, sizeGb, fails: title >= 2 });
}

async function capture({ h, model, machine }: Given): Promise<void> {
  const expected = model.capture(machine);
  const { body } = await h.call('imageCapture', { body: { machine_id: machine.id } });
  assert.equal(body.client_code, expected);
  if (expected !== 200) return;
  const { id } = body.attributes;
  const { diskGb: sizeGb } = machine;
  model.images.push({ ...pending, id, sizeGb });
  Object.assign(machine, { status: 'installing', capturing: id });
}

async function assign({ h, model, image, step: { machine, others } }: Given): Promise<void> {
  if (!image) return;
  const machines = [...new Set([machine, ...others])].flatMap((one) => model.machines[one] ?? []);
  const body = { machine_ids: machines.map((one) => one.id) };
  const answer = h.call('imageAssign', { params: { id: image.id }, body });
  assert.equal(await codeOf(answer), model.assign(image, machines));
}

async function deleteAndRestore({ h, model, image }: Given): Promise<void> {
  if (!image || image.deleted || image.status !== 'available') return;
  const params = { id: image.id };
  const before = await machineRows(h);
  assert.equal(await codeOf(h.call('imageDelete', { params })), 200);
  model.delete(image);
  await agree(h, model);
  assert.equal(await codeOf(h.call('imageRestore', { params })), model.restoreImage(image));
  assert.deepEqual(await machineRows(h), before);
}

async function settle({ h, model, step: { faults }, inject }: Given): Promise<void> {
  inject([...faults]);
  // Asks for one more template, from which later starts are.
  await h.service.reconciler.task('template').catch(() => {});
  await h.service.reconciler.settle();
  // A fault may also meet the collector, which is called again as its timer would.
  await h.service.reconciler.task('collect').catch(() => {});
  inject([]);
  await h.service.reconciler.task('collect');
  model.settle();
}

const steps: Record<(typeof kinds)[number], (given: Given) => Promise<void>> = {
  install,
  capture,
  assign,
  cancel: onImage('imageCancel', (model, image) => model.cancel(image)),
  delete: onImage('imageDelete', (model, image) => model.delete(image)),
  start: onMachine('machineStart', (model, machine) => model.start(machine)),
  stop: onMachine('machineStop', (model, machine) => model.stop(machine)),
  reset: onMachine('machineReset', (model, machine) => model.reset(machine)),
  deleteMachine: onMachine('machineDelete', (model, machine) => model.deleteMachine(machine)),
  undeleteMachine: onMachine('machineUndelete', (model, machine) => model.undeleteMachine(machine)),
  restoreDisk: onMachine('machineRestore', (model, machine) => model.restoreDisk(machine)),
  undo: onImage('imageAssignUndo', (model, image) => model.undo(image)),
  restoreImage: onImage('imageRestore', (model, image) => model.restoreImage(image)),
  deleteAndRestore,
  settle,
};

/**
 * Takes a step on both, and fails when the answers differ. `inject` sets the engine's next faults.
 */
export async function take(
  h: Harness,
  model: Model,
  one: Step,
  inject: Given['inject'],
): Promise<void> {
  const machine = model.machines[one.machine];
  assert.ok(machine);
  const image = model.images[model.images.length - 1 - one.image];
  await steps[one.kind]({ h, model, step: one, machine, image, inject });
}
