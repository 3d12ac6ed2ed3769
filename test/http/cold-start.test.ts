// Reasons for which a machine with a ready template is booted all the same; template.test.ts has
// the others.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DiskId, LayerId, MachineId } from '../../src/domain/ids.ts';
import { chainHeightMax } from '../../src/domain/layer.ts';
import { coldReasons } from '../../src/domain/template.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { newId } from '../../src/lib/new-id.ts';
import { call } from '../call.ts';
import type { Scope } from '../support.ts';
import { type Harness, startHarness } from './harness.ts';

/** A machine whose image has a ready template. */
async function withTemplate(t: Scope, options: Parameters<typeof startHarness>[1] = {}) {
  const settings = { templatePolicy: 'on-assignment' } as const;
  const h = await startHarness(t, { reconcile: false, ...options, settings });
  const { reconciler } = h.service;
  const { body } = await h.call('imageInstall', { body: { software_ids: [h.viewer.id] } });
  await reconciler.settle();
  const [id = 0 as MachineId] = h.machines;
  await h.call('imageAssign', { params: { id: body.attributes.id }, body: { machine_ids: [id] } });
  await reconciler.task('template');
  await reconciler.settle();
  const [template] = await h.store.read('system', (work) => work.templates.list());
  assert.ok(template?.state === 'ready' && template.resultLayerId !== null);
  const start = async () => {
    await h.call('machineStart', { params: { id } });
    await reconciler.settle();
    const shown = await h.call('machineGet', { params: { id } });
    assert.equal(shown.body.attributes.friendly_status, 'ready');
    return h.store.read('system', (work) => work.machines.get(id));
  };
  return { h, start, template: { ...template, resultLayerId: template.resultLayerId } };
}

/** Adds layers until the chain has so many; returns the highest. */
async function raised(h: Harness, root: LayerId, height: number): Promise<LayerId> {
  const chain = await h.store.read('system', (work) => work.layers.chain(root));
  const baseLayerId = chain.at(-1)?.id ?? root;
  let parentId = root;
  for (let count = chain.length; count < height; count++) {
    const [id, diskId] = [newId<LayerId>(), newId<DiskId>()];
    const made = { diskId, layerId: parentId, sizeBytes: gbBytes };
    await h.engine.ensureDisk(made, call);
    await h.engine.sealDisk({ ...made, layerId: id }, call);
    await h.engine.removeDisk(diskId, call);
    const owner = { organisationId: h.ours, jobId: null, key: null, boot: null };
    const sizes = { virtualBytes: gbBytes, storedBytes: 1, state: 'sealed' as const };
    const layer = { id, kind: 'capture' as const, parentId, baseLayerId, ...owner, ...sizes };
    await h.store.write('system', (work) => work.layers.add(layer));
    parentId = id;
  }
  return parentId;
}

describe('a machine with a ready template', () => {
  it('boots when a capture would not fit above the layers of the template', async (t) => {
    const { h, start, template } = await withTemplate(t);
    const resultLayerId = await raised(h, template.resultLayerId, chainHeightMax - 1);
    await h.store.write('system', (work) => work.templates.update(template.id, { resultLayerId }));
    const machine = await start();
    assert.equal(machine.startedFrom, 'disk');
    assert.equal(machine.startedBecause, coldReasons.tall);
  });

  it('boots on an empty disk when it does not get ready from memory', async (t) => {
    let isGone = false;
    const { h, start } = await withTemplate(t, {
      wrapEngine: (engine) => ({
        ...engine,
        async startMachine(spec, given) {
          const started = await engine.startMachine(spec, given);
          if (started.how === 'instant') {
            isGone = true;
            const { diskId } = await h.store.read('system', (w) => w.machines.get(spec.machineId));
            await h.engine.writeToDisk((diskId ?? spec.diskId) as DiskId, 'half a start');
          }
          return started;
        },
        async machineState(id, given) {
          if (!isGone) return engine.machineState(id, given);
          isGone = false;
          return 'off';
        },
      }),
    });
    const machine = await start();
    assert.equal(machine.startedFrom, 'disk');
    assert.match(machine.startedBecause ?? '', /powered itself off while it was starting/);
    assert.ok(!h.engine.contentOf(machine.diskId as DiskId).includes('half a start'));
  });
});
