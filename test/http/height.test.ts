// The height of chains: every chain is shortened, and a job whose chain would be too high to be
// opened waits for that.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { softwareAdd } from '../../src/app/operator/software.ts';
import { failedForGood } from '../../src/domain/error.ts';
import type { DiskId, ImageId, LayerId, OrganisationId } from '../../src/domain/ids.ts';
import { chainHeightMax } from '../../src/domain/layer.ts';
import { gbBytes } from '../../src/domain/units.ts';
import { requirePart } from '../../src/engine/optional/parts.ts';
import type { Engine } from '../../src/engine/port/engine.ts';
import { newId } from '../../src/lib/new-id.ts';
import { call } from '../call.ts';
import { operatorOn } from '../operator.ts';
import { waitFor } from '../support.ts';
import { type Harness, startHarness } from './harness.ts';

const imageOf = (organisationId: OrganisationId) => ({
  ...{ organisationId, sizeGb: 1, baseImageId: null, machineId: null },
});

/**
 * Adds a chain of layers on a root: steps of a build that failed, without an owner, or
 * captures.
 */
async function addChain(
  h: Harness,
  root: LayerId | null,
  kind: 'software' | 'capture',
  count: number,
): Promise<LayerId> {
  const ids: LayerId[] = root === null ? [] : [root];
  for (let n = 0; n < count; n++) {
    const [id, disk, parentId] = [newId<LayerId>(), newId<DiskId>(), ids.at(-1) ?? null];
    await h.engine.ensureDisk(
      { diskId: disk, layerId: parentId ?? h.base.layerId, sizeBytes: gbBytes },
      call,
    );
    await h.engine.sealDisk({ diskId: disk, layerId: id, sizeBytes: gbBytes }, call);
    await h.engine.removeDisk(disk, call);
    const key = kind === 'software' ? id : null;
    const owner = { organisationId: kind === 'software' ? null : h.ours, jobId: null };
    const boot = parentId === null ? ({ mode: 'bios' } as const) : null;
    const sizes = { virtualBytes: gbBytes, storedBytes: 1, state: 'sealed' as const };
    await h.store.write('system', (work) =>
      work.layers.add({
        id,
        kind,
        parentId,
        key,
        baseLayerId: ids[0] ?? id,
        boot,
        ...owner,
        ...sizes,
      }),
    );
    ids.push(id);
  }
  return ids.at(-1) as LayerId;
}

describe('a chain of layers', () => {
  it('is shortened even beside a chain that has no owner or cannot be shortened, and also when it comes from an import', async (t) => {
    let refused: string | null = null;
    const wrapEngine = (engine: Engine): Engine => ({
      ...engine,
      compact: {
        async rewrite(spec, given) {
          if (spec.layerId === refused) throw failedForGood('It cannot be written anew.');
          return requirePart(engine, 'compact').rewrite(spec, given);
        },
      },
    });
    const h = await startHarness(t, { reconcile: false, wrapEngine });
    const { layerId: base } = h.base;
    const [nobodys, stuck, alone] = [
      await addChain(h, base, 'software', 10),
      await addChain(h, base, 'software', 9),
      await addChain(h, null, 'capture', 12),
    ];
    const { id } = await h.store.write(h.ours, (work) =>
      work.images.add({ ...imageOf(h.ours), name: 'Alone', source: 'pre_installation' }),
    );
    await h.store.write(h.ours, async (work) => {
      await work.images.become(id, 'building');
      await work.images.become(id, 'available', { layerId: alone });
    });
    const height = async (head: LayerId) =>
      (await h.store.read('system', (work) => work.layers.chain(head))).length;
    assert.deepEqual(
      [await height(nobodys), await height(stuck), await height(alone)],
      [11, 10, 12],
    );
    refused = (await h.store.read('system', (work) => work.layers.chain(stuck)))[1]?.id ?? null;
    // A chain whose rewrite failed is left alone for an hour, and the next run goes on with the
    // others.
    for (const _ of [1, 2]) {
      await h.service.reconciler.task('compact');
      await h.service.reconciler.settle();
    }
    assert.ok((await height(nobodys)) <= 8 && (await height(alone)) <= 8);
    const failed = await height(refused as LayerId);
    assert.equal(failed, 9);
  });

  it('never becomes too high to be opened, however many titles a build installs', async (t) => {
    const h = await startHarness(t, {});
    const software: number[] = [];
    for (let n = 0; n < chainHeightMax + 6; n++) {
      const title = {
        name: `Title ${n}`,
        sizeGb: 0.01,
        script: `echo ${n}`,
        files: [],
        network: false,
        timeoutMs: 1000,
      };
      software.push((await softwareAdd(operatorOn(h.store), h.engine, title)).id);
    }
    const { id } = (await h.call('imageInstall', { body: { software_ids: software } })).body;
    let highest = 0;
    const { status, layerId } = await waitFor(
      'the image is made',
      async () => {
        await h.service.reconciler.task('compact');
        const image = await h.store.read('system', (work) =>
          work.images.get(Number(id) as ImageId),
        );
        const layers = await h.store.read('system', (work) => work.layers.list());
        const parents = new Map(layers.map((one) => [one.id, one.parentId]));
        const height = (of: LayerId | null): number =>
          of === null ? 0 : 1 + height(parents.get(of) ?? null);
        highest = Math.max(highest, ...layers.map((one) => height(one.id)));
        return (image.status === 'available' || image.status === 'failed') && image;
      },
      60_000,
      100,
    );
    assert.equal(status, 'available');
    assert.ok(highest <= chainHeightMax, `${highest}`);
    await h.service.reconciler.task('compact');
    const chain = await h.store.read('system', (work) => work.layers.chain(layerId as LayerId));
    assert.ok(chain.length <= chainHeightMax);
  });

  it('must be shortened before a capture that would make it too high', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const does = async (
      name: 'machineStart' | 'machineStop' | 'imageCapture',
      of: number,
      body?: unknown,
    ) => {
      const answer = await h.call(name, { params: { id: of }, body });
      await h.service.reconciler.settle();
      return answer.body;
    };
    const [id = 0] = h.machines;
    await does('machineStart', id);
    await does('machineStop', id);
    for (let n = 0; n < chainHeightMax - 2; n++)
      assert.equal((await does('imageCapture', id, { machine_id: id })).client_code, 200);
    const refused = await h.call('imageCapture', { body: { machine_id: id } });
    assert.match(refused.body.message, /stands on 63 layers, and 62 is the most/);
  });
});
