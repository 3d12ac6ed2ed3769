// Scenarios for the proofs in one process: one for each kind of job, on the simulator.

import assert from 'node:assert/strict';
import type { DiskId, ImageId, MachineId } from '../../../src/domain/ids.ts';
import type { JobKind } from '../../../src/domain/job.ts';
import type { Store } from '../../../src/store/port/unit-of-work.ts';
import { call } from '../../call.ts';
import type { Harness } from '../../http/harness.ts';

export interface Scenario {
  kind: JobKind;
  /** It changes the store alone. */
  callsNoEngine?: true;
  /** Makes everything that the request needs, and waits until no job is open. */
  prepare(h: Harness): Promise<void>;
  /** Sends the request. The job is not run yet. */
  ask(h: Harness): Promise<void>;
  /** Throws unless the request was carried out. */
  holds(store: Store, h: Harness): Promise<void>;
}

type Operation = Parameters<Harness['call']>[0];

export const machineOf = (h: Harness) => (h.machines[0] ?? 0) as MachineId;

export const imagesOf = (store: Store, h: Harness) =>
  store.read(h.ours, async (work) => (await work.images.list({ page: 1, perPage: 100 })).images);

async function ask(h: Harness, name: Operation, id: number, body?: unknown) {
  const answer = await h.call(name, { params: { id }, body });
  assert.equal(answer.body.client_code, 200, answer.body.message);
  return answer.body;
}

/** Sends a request and runs its job to the end. */
async function askAndSettle(h: Harness, name: Operation, id: number, body?: unknown) {
  const answer = await ask(h, name, id, body);
  await h.service.reconciler.settle();
  return answer;
}

const started = async (h: Harness) => {
  await askAndSettle(h, 'machineStart', machineOf(h));
};
const templatesWanted = (h: Harness) =>
  h.store.write('system', (work) => work.organisations.setTemplates(h.ours, 'always'));
const stopped = async (h: Harness) => {
  await started(h);
  await askAndSettle(h, 'machineStop', machineOf(h));
};
const captured = (h: Harness) => askAndSettle(h, 'imageCapture', 0, { machine_id: machineOf(h) });

const allAvailable = (count: number) => async (store: Store, h: Harness) => {
  assert.deepEqual(
    (await imagesOf(store, h)).map((image) => [image.status, image.layerId !== null]),
    Array.from({ length: count }, () => ['available', true]),
  );
};
const machineIs = (status: string) => async (store: Store, h: Harness) => {
  const machine = await store.read(h.ours, (work) => work.machines.get(machineOf(h)));
  assert.deepEqual(
    [machine.status, machine.diskId !== null, machine.assignmentPendingAt],
    [status, true, null],
  );
};

export const scenarios: Record<string, Scenario> = {
  'a capture': {
    kind: 'imageCapture',
    prepare: stopped,
    ask: (h) => ask(h, 'imageCapture', 0, { machine_id: machineOf(h) }),
    holds: allAvailable(1),
  },
  'a capture that is generalised': {
    kind: 'imageCapture',
    prepare: stopped,
    ask: (h) => ask(h, 'imageCapture', 0, { machine_id: machineOf(h), generalize: true }),
    holds: allAvailable(1),
  },
  'an installation of three titles': {
    kind: 'imageInstall',
    prepare: async () => {},
    ask: (h) =>
      ask(h, 'imageInstall', 0, { software_ids: [h.editor.id, h.browser.id, h.viewer.id] }),
    holds: allAvailable(1),
  },
  'an installation of a title that exists': {
    kind: 'imageReuse',
    callsNoEngine: true,
    async prepare(h) {
      await askAndSettle(h, 'imageInstall', 0, { software_ids: [h.editor.id] });
    },
    ask: (h) => ask(h, 'imageInstall', 0, { software_ids: [h.editor.id] }),
    holds: allAvailable(2),
  },
  'a start on an image that was assigned': {
    kind: 'machineStart',
    async prepare(h) {
      await stopped(h);
      const software = { software_ids: [h.editor.id] };
      const { attributes } = await askAndSettle(h, 'imageInstall', 0, software);
      await askAndSettle(h, 'imageAssign', attributes.id, { machine_ids: [machineOf(h)] });
      // It starts from memory; the first start of the machine, in `stopped`, had no template.
      await templatesWanted(h);
      await h.service.reconciler.task('template');
      await h.service.reconciler.settle();
    },
    ask: (h) => ask(h, 'machineStart', machineOf(h)),
    async holds(store, h) {
      await machineIs('ready')(store, h);
      const machine = await store.read(h.ours, (work) => work.machines.get(machineOf(h)));
      const disk = await store.read(h.ours, (work) => work.disks.get(machine.diskId as DiskId));
      const [template] = await store.read('system', (work) => work.templates.list());
      assert.equal(disk.layerId, template?.resultLayerId);
    },
  },
  'the making of a template': {
    kind: 'templateMake',
    prepare: templatesWanted,
    ask: (h) => h.service.reconciler.task('template'),
    async holds(store, h) {
      const [template] = await store.read('system', (work) => work.templates.list());
      assert.equal(template?.state, 'ready', template?.reason ?? '');
      assert.ok((template?.layerBytes ?? 0) > 0);
      assert.ok((await h.engine.instant?.templates(call))?.has(template.id));
    },
  },
  'a stop': {
    kind: 'machineStop',
    prepare: started,
    ask: (h) => ask(h, 'machineStop', machineOf(h)),
    holds: machineIs('off'),
  },
  'a deletion of a machine': {
    kind: 'machineStop',
    prepare: stopped,
    ask: (h) => ask(h, 'machineDelete', machineOf(h)),
    async holds(store, h) {
      const machine = await store.read(h.ours, (work) => work.machines.getDeleted(machineOf(h)));
      const [disk] = await store.read(h.ours, (work) => work.disks.kept());
      assert.deepEqual([machine.status, machine.deletedDiskId], ['off', disk?.id]);
    },
  },
  'an export': {
    kind: 'imageExport',
    async prepare(h) {
      await askAndSettle(h, 'imageInstall', 0, { software_ids: [h.editor.id] });
    },
    ask: (h) => ask(h, 'imageExport', 1),
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
      await ask(h, 'transferFinish', transfer?.id as never);
    },
    holds: allAvailable(1),
  },
  'a compaction': {
    kind: 'layerCompact',
    async prepare(h) {
      await stopped(h);
      for (let round = 0; round < 8; round++) await captured(h);
    },
    ask: (h) => h.service.reconciler.task('compact'),
    async holds(store, h) {
      const [newest] = await imagesOf(store, h);
      const { layerId } = await store.read(h.ours, (work) =>
        work.images.get(newest?.id as ImageId),
      );
      const chain = await store.read('system', (work) => work.layers.chain(layerId as never));
      assert.deepEqual([chain.length, chain[0]?.jobId], [2, null]);
    },
  },
};
