// Compares the whole stack with the model of the contract.

import assert from 'node:assert/strict';
import { call } from '../call.ts';
import type { Harness } from './harness.ts';
import type { Model } from './model.ts';

/** The rows of all machines, without the time of their last change. */
export const machineRows = async (h: Harness) =>
  (await h.store.read('system', (work) => work.machines.all())).map((machine) => ({
    ...machine,
    updatedAt: 0,
  }));

/** Compares each machine and the list of images with the model. */
export async function agree(h: Harness, model: Model): Promise<void> {
  for (const machine of model.machines) {
    if (machine.deleted) {
      const { status } = await h.call('machineGet', { params: { id: machine.id } });
      assert.equal(status, 404);
      continue;
    }
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
 * Compares after a settle: the engine runs the machines that are ready, and has the files that the
 * store knows and no other.
 */
export async function agreeWithEngine(h: Harness, model: Model): Promise<void> {
  const ready = model.machines
    .filter((machine) => machine.status === 'ready')
    .map((machine) => machine.id);
  assert.deepEqual(new Set<number>(await h.engine.runningMachines(call)), new Set(ready));
  const known = await h.store.read('system', async (work) => ({
    layers: await work.layers.ids(),
    disks: await work.disks.ids(),
    templates: (await work.templates.list()).filter(({ state }) => state === 'ready'),
  }));
  const kept = await h.engine.inventory(call);
  assert.deepEqual([...kept.layers.keys()].sort(), known.layers.sort());
  assert.deepEqual([...kept.disks.keys()].sort(), known.disks.sort());
  const templates = [...((await h.engine.instant?.templates(call)) ?? new Map()).keys()];
  assert.deepEqual(templates.sort(), known.templates.map(({ id }) => id).sort());
}
