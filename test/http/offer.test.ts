// The catalogue as what is offered: retirement, versions, and the removal of what nothing uses.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { baseAdd, baseList } from '../../src/app/operator/base.ts';
import {
  baseNewestSet,
  offerList,
  offerRemove,
  offerRetire,
} from '../../src/app/operator/offer.ts';
import { softwareAdd } from '../../src/app/operator/software.ts';
import { call } from '../call.ts';
import { operatorOn } from '../operator.ts';
import { settled } from './settled.ts';

/** The whole stack with the operator's functions on its store. */
async function offering(t: TestContext) {
  const given = await settled(t);
  const { h } = given;
  const operator = operatorOn(h.store);
  const addBase = async (name: string, more: { version?: string; hold?: boolean } = {}) => {
    const disk = join(h.dataDir, 'another.raw');
    await writeFile(disk, `another disk of ${name} ${more.version}`);
    const base = { name, files: { disk }, boot: { mode: 'bios' as const }, ...more };
    return baseAdd(operator, h.engine, base);
  };
  const catalogue = async () => (await h.call('softwareList')).body;
  const names = (list: { name: string }[]) => list.map(({ name }) => name);
  return { ...given, operator, addBase, catalogue, names };
}

describe('a thing that is retired', () => {
  it('is offered to nobody any more: a base, a title and a machine type', async (t) => {
    const { h, operator, addBase, catalogue, names, does } = await offering(t);
    const other = await addBase('Other');
    await offerRetire(operator, 'base', h.base.id, true);
    await offerRetire(operator, 'software', h.editor.id, true);
    assert.deepEqual(names((await catalogue()).base_images), ['Other']);
    assert.ok(!names((await catalogue()).software).includes('Editor'));
    for (const body of [{ base_image_id: h.base.id }, { software_ids: [h.editor.id] }]) {
      const refused = await h.call('imageInstall', { body });
      assert.deepEqual([refused.status, /is retired/.test(refused.body.message)], [404, true]);
    }
    const newest = (await does('imageInstall', 0)).attributes;
    assert.equal(newest.base_id, other.id);
    await offerRetire(operator, 'machine-type', h.machineType.id, true);
    assert.deepEqual((await h.call('planList')).body.plans, []);
    const [id = 0] = h.machines;
    assert.deepEqual((await does('machineTypeList', id)).machine_types, []);
    const typed = { plan_id: h.machineType.id };
    assert.match((await h.call('machineCreate', { body: typed })).body.message, /is retired/);
    const type = { machine_type_id: h.machineType.id };
    for (const name of ['machineTypeSet', 'machineStart'] as const)
      assert.match((await does(name, id, type)).message, /is retired/);
    for (const [kind, of] of [
      ['base', h.base.id],
      ['software', h.editor.id],
      ['machine-type', h.machineType.id],
    ] as const)
      assert.equal((await offerRetire(operator, kind, of, false)).retiredAt, null);
    assert.equal((await h.call('machineCreate', { body: typed })).status, 200);
    assert.equal((await does('machineStart', id, type)).client_code, 200);
  });

  it('goes on below what stands on it: builds that wait, machines, starts and undo', async (t) => {
    const { h, id, operator, addBase, does, install, write, content, settle } = await offering(t);
    const first = await install([h.viewer.id]);
    await does('imageAssign', first, { machine_ids: [id] });
    await write('of its user');
    const body = { software_ids: [h.editor.id, h.browser.id] };
    const waits = (await h.call('imageInstall', { body })).body.attributes;
    await addBase('Other');
    for (const [kind, of] of [
      ['base', h.base.id],
      ['software', h.editor.id],
      ['software', h.viewer.id],
      ['machine-type', h.machineType.id],
    ] as const)
      await offerRetire(operator, kind, of, true);
    await settle();
    const built = (await does('imageGet', waits.id)).attributes;
    assert.deepEqual([built.status, built.base_name], ['available', 'Base']);
    await does('imageAssign', waits.id, { machine_ids: [id] });
    assert.equal((await does('machineStart', id)).client_code, 200);
    assert.equal((await does('machineGet', id)).attributes.friendly_status, 'ready');
    await does('machineStop', id);
    assert.equal((await does('imageAssignUndo', waits.id)).client_code, 200);
    assert.equal((await content())?.at(-1), 'of its user');
    const captured = (await does('imageCapture', 0, { machine_id: id })).attributes;
    assert.equal((await does('imageGet', captured.id)).attributes.base_id, h.base.id);
    await does('machineReset', id);
    assert.equal((await does('machineStart', id)).client_code, 200);
  });

  it('is found by no start without an image, and says so when nothing else is left', async (t) => {
    const { h, id, operator, does } = await offering(t);
    await offerRetire(operator, 'base', h.base.id, true);
    assert.match((await does('machineStart', id)).message, /no base image that is taken/);
    assert.match((await does('imageInstall', 0)).message, /no base image that is taken/);
    assert.equal((await baseList(h.store))[0]?.default, false);
    assert.equal((await does('machineGet', id)).attributes.friendly_status, 'off');
  });
});

describe('the newest base', () => {
  it('is one that may be taken: a base that is held waits until the operator allows it', async (t) => {
    const { h, operator, addBase, does } = await offering(t);
    const held = await addBase('Base', { version: '2', hold: true });
    const baseOf = async () => (await does('imageInstall', 0)).attributes.base_id;
    await h.store.write('system', (work) => work.bases.prove(h.base.id));
    await h.store.write('system', (work) => work.bases.prove(held.id));
    assert.equal(await baseOf(), h.base.id);
    const named = await does('imageInstall', 0, { base_image_id: held.id });
    assert.deepEqual([named.attributes.base_name, named.attributes.base_version], ['Base 2', '2']);
    await baseNewestSet(operator, held.id, true);
    assert.equal(await baseOf(), held.id);
    await baseNewestSet(operator, held.id, false);
    assert.equal(await baseOf(), h.base.id);
  });
});

describe('a version', () => {
  it('is a thing of its own under the name, and shown where it is listed', async (t) => {
    const { h, operator, addBase, catalogue, names } = await offering(t);
    await addBase('Base', { version: '13.1' });
    await assert.rejects(addBase('Base', { version: '13.1' }), /named "Base 13.1" already/);
    await assert.rejects(addBase('Base'), /--release/);
    const title = { name: 'Editor', sizeGb: 1, script: 'new', files: [], network: false };
    const added = await softwareAdd(operator, h.engine, {
      ...{ ...title, timeoutMs: 1000 },
      version: '2',
    });
    assert.deepEqual([added.name, added.version], ['Editor 2', '2']);
    const { base_images, software } = await catalogue();
    assert.deepEqual(
      base_images.map(({ name, version }: { name: string; version: string | null }) => [
        ...[name, version],
      ]),
      [
        ['Base', null],
        ['Base 13.1', '13.1'],
      ],
    );
    assert.ok(names(software).includes('Editor') && names(software).includes('Editor 2'));
  });
});

describe('a thing that nothing uses', () => {
  it('can be removed, and its layer goes; one in use is refused with what uses it', async (t) => {
    const { h, operator, addBase, install } = await offering(t);
    const other = await addBase('Other');
    await install([h.editor.id]);
    await assert.rejects(offerRemove(operator, 'software', h.editor.id), /in use by 1 images/);
    await h.store.write('system', (work) => work.bases.prove(other.id));
    await assert.rejects(
      offerRemove(operator, 'machine-type', h.machineType.id),
      /in use by 2 machines/,
    );
    const used = (await h.call('imageList')).body.images[0].attributes.base_id;
    const unused = used === other.id ? h.base.id : other.id;
    await assert.rejects(offerRemove(operator, 'base', used), /retire it instead/);
    await offerRemove(operator, 'base', unused);
    await offerRemove(operator, 'software', h.viewer.id);
    await assert.rejects(offerRemove(operator, 'software', 999), { code: 'not_found' });
    const left = (await offerList(h.store)).filter(({ kind }) => kind !== 'software');
    assert.deepEqual(
      left.map(({ kind, id }) => [kind, id]),
      [
        ['base', used],
        ['machine-type', h.machineType.id],
      ],
    );
    await h.service.reconciler.task('collect');
    await h.service.reconciler.task('collect');
    assert.equal((await h.engine.inventory(call)).layers.size, 2);
  });

  it('can be added again, also while steps of the build cache still stand on its layer', async (t) => {
    const { h, operator, addBase, does, install } = await offering(t);
    const image = await install([h.editor.id]);
    await does('imageDelete', image);
    await h.store.write('system', (work) => work.images.releaseLayers(work.now()));
    await assert.rejects(offerRemove(operator, 'base', h.base.id), /deleted ones included/);
    const other = await addBase('Other');
    const { layerId } = other;
    await offerRemove(operator, 'base', other.id);
    const again = await addBase('Other');
    assert.equal(again.layerId, layerId);
    assert.equal((await h.engine.inventory(call)).layers.has(layerId), true);
  });
});
