// Images: names, pages, the life of an image, and its layers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageId } from '../../../src/domain/ids.ts';
import { localCopy } from '../../../src/domain/layer-copy.ts';
import type { MakeWorld, World } from './world.ts';

const find = (world: World, q: string) =>
  world.read(async (work) => {
    const { images, count } = await work.images.list({ page: 1, perPage: 100, q });
    assert.equal(count, images.length);
    return images.map(({ name }) => name).sort();
  });

/** Used also for machines, because their names are searched in the same way. */
export function testSearch(
  make: MakeWorld,
  add: (world: World, name: string) => Promise<unknown>,
  search: (world: World, q: string) => Promise<string[]>,
) {
  it('is found by any part of its name, whatever the case, in any script', async (t) => {
    const world = await make(t);
    for (const name of ['Straße 5', 'ΣΊΣΥΦΟΣ', 'Ünïcode', 'plain']) await add(world, name);
    for (const [q, name] of [
      ['STRASSE', 'Straße 5'],
      ['σίσυφος', 'ΣΊΣΥΦΟΣ'],
      ['nÏC', 'Ünïcode'],
      ['LAI', 'plain'],
      ['E 5', 'Straße 5'],
    ] as const)
      assert.deepEqual(await search(world, q), [name], q);
    assert.deepEqual(await search(world, 'nowhere'), []);
  });

  it('is searched literally for %, _, backslash and quotes', async (t) => {
    const world = await make(t);
    const names = ['100%', 'a_b', 'axb', 'back\\slash', `it's "quoted"`];
    for (const name of names) await add(world, name);
    for (const [q, found] of [
      ['%', ['100%']],
      ['_', ['a_b']],
      ['a_b', ['a_b']],
      ['\\', ['back\\slash']],
      ['\\s', ['back\\slash']],
      ["'", [`it's "quoted"`]],
      ['"q', [`it's "quoted"`]],
      ['%%', []],
    ] as const)
      assert.deepEqual(await search(world, q), found, q);
  });

  it('is not found by a text with NUL, which no name has', async (t) => {
    const world = await make(t);
    await add(world, 'plain');
    for (const q of ['\0', 'pl\0ain', 'plain\0', '\0plain'])
      assert.deepEqual(await search(world, q), [], JSON.stringify(q));
  });
}

function testPages(make: MakeWorld) {
  it('is named after its id without a name', async (t) => {
    const world = await make(t);
    const { id, name } = await world.image();
    assert.equal(name, `Template #${id}`);
    assert.deepEqual(await find(world, `#${id}`), [name]);
  });

  it('is listed newest first, each on one page', async (t) => {
    const world = await make(t);
    const ids: ImageId[] = [];
    for (let index = 0; index < 7; index++) ids.unshift((await world.image()).id);
    const listed: ImageId[] = [];
    for (const page of [1, 2, 3, 4]) {
      const { images, count } = await world.read((work) => work.images.list({ page, perPage: 3 }));
      assert.equal(count, 7);
      listed.push(...images.map(({ id }) => id));
    }
    assert.deepEqual(listed, ids);
  });

  it('has its software in order of installation, for any number of images', async (t) => {
    const world = await make(t);
    const recipe = { script: 'true', files: [], network: false, timeoutMs: 1 };
    const add = (name: string) =>
      world.write((work) => work.software.add({ name, sizeGb: 1, recipe }));
    const [first, second] = [await add('first'), await add('second')];
    const image = {
      ...{ organisationId: world.ours, name: null, sizeGb: 1, machineId: null, baseImageId: null },
      source: 'pre_installation',
    } as const;
    const { id } = await world.write((work) => work.images.add(image, [second.id, first.id]));
    const many = Array.from({ length: 50_000 }, (_, index) => (1_000_000 + index) as ImageId);
    const found = await world.read((work) => work.images.softwareOf([...many, id]));
    assert.deepEqual(
      found.map(({ imageId, name }) => [imageId, name]),
      [
        [id, 'second'],
        [id, 'first'],
      ],
    );
  });

  it('has one step at each position: a step that is recorded again replaces it', async (t) => {
    const world = await make(t);
    const recipe = { script: 'true', files: [], network: false, timeoutMs: 1 };
    const { id: softwareId } = await world.write((work) =>
      work.software.add({ name: 'title', sizeGb: 1, recipe }),
    );
    const { id } = await world.image();
    const record = (position: number, output: string) => {
      const rest = { cache: 'miss', exitCode: 0, durationMs: 1 } as const;
      return world.write((work) =>
        work.images.recordStep(id, { position, softwareId, output, ...rest }),
      );
    };
    await record(2, 'second');
    await record(1, 'first');
    await record(2, 'again');
    const steps = await world.read((work) => work.images.steps(id));
    assert.deepEqual(
      steps.map(({ position, name, outputChars }) => [position, name, outputChars]),
      [
        [1, 'title', 5],
        [2, 'title', 5],
      ],
    );
    const part = (position: number, from: number, most: number) =>
      world.read((work) => work.images.stepOutput(id, position, from, most));
    assert.deepEqual(
      [await part(2, 0, 100), await part(1, 1, 3), await part(1, 4, 3), await part(1, 5, 3)],
      ['again', 'irs', 't', ''],
    );
    assert.equal(await part(3, 0, 1), '');
  });
}

function testLife(make: MakeWorld) {
  it('changes its status only as the domain allows', async (t) => {
    const world = await make(t);
    const { id } = await world.image();
    const become = (status: 'building' | 'available' | 'failed') =>
      world.write((work) => work.images.become(id, status));
    assert.equal(await become('available'), false);
    assert.equal(await become('building'), true);
    assert.equal(await become('available'), true);
    assert.equal(await become('building'), false);
    assert.equal(await become('failed'), true);
    assert.equal(await become('available'), false);
    assert.equal(await world.write((work) => work.images.become(99 as ImageId, 'failed')), false);
  });

  it('is hidden when it is deleted, and restored while it has its layer', async (t) => {
    const world = await make(t);
    const id = await world.imageOn(await world.layer());
    const { id: bare } = await world.image();
    const deletedAt = world.now();
    await world.write(async (work) => {
      await work.images.update(id, { deletedAt });
      await work.images.update(bare, { deletedAt });
    });
    await world.read(async (work) => {
      assert.equal(await work.images.find(id), undefined);
      await assert.rejects(work.images.get(id), { code: 'not_found' });
      assert.equal((await work.images.getDeleted(id)).id, id);
      await assert.rejects(work.images.getDeleted(bare), { code: 'not_found' });
      assert.deepEqual(await work.images.deletedAt(), [deletedAt]);
      const { images, count } = await work.images.list({ page: 1, perPage: 9, deleted: true });
      assert.deepEqual([images.map((image) => image.id), count], [[id], 1]);
    });
    await world.write((work) => work.images.releaseLayers(deletedAt - 1));
    assert.equal((await world.read((work) => work.images.getDeleted(id))).id, id);
    await world.write((work) => work.images.releaseLayers(deletedAt));
    await assert.rejects(
      world.read((work) => work.images.getDeleted(id)),
      { code: 'not_found' },
    );
  });

  it('fails with each layer below it, and heals when all of them are sealed', async (t) => {
    const world = await make(t);
    const [root, middle, head] = await world.chain(3);
    assert.ok(root && middle && head);
    const [low, high] = [await world.imageOn(root), await world.imageOn(head)];
    const deleted = await world.imageOn(head);
    await world.write((work) => work.images.update(deleted, { deletedAt: work.now() }));
    const standing = await world.read((work) => work.images.standingOn(middle));
    assert.deepEqual(
      standing.map(({ id }) => id),
      [high],
    );
    const copy = localCopy(middle);
    await world.write((work) => work.layerCopies.update(copy, { state: 'quarantined' }));
    const failed = await world.write((work) => work.images.failAbove(middle, 'its layer is bad'));
    assert.deepEqual(failed.sort(), [high, deleted].sort());
    const statusOf = async (id: ImageId) =>
      (await world.read((work) => work.images.get(id))).status;
    assert.deepEqual([await statusOf(low), await statusOf(high)], ['available', 'failed']);
    assert.deepEqual(await world.write((work) => work.images.healAbove(root)), []);
    await world.write((work) => work.layerCopies.update(copy, { state: 'sound' }));
    const healed = await world.write((work) => work.images.healAbove(middle));
    assert.deepEqual(healed.sort(), [high, deleted].sort());
    assert.equal(await statusOf(high), 'available');
  });
}

export const testImages = (make: MakeWorld) =>
  describe('an image', () => {
    testSearch(make, (world, name) => world.image(name), find);
    testPages(make);
    testLife(make);
  });
