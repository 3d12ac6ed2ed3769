// Events: what they tell, their order, and how they are forgotten.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LayerId, MachineId } from '../../../src/domain/ids.ts';
import type { MakeWorld, World } from './world.ts';

const all = async (world: World, after = 0) => {
  await world.store.publishEvents();
  return world.read((work) => work.events.after(after, 1000));
};
const shown = async (world: World) =>
  (await all(world)).map(({ type, subject, status }) => `${type} ${subject} ${status}`);

export const testEvents = (make: MakeWorld) =>
  describe('an event', () => {
    it('tells the state that its subject has in the same transaction', async (t) => {
      const world = await make(t);
      const { id } = await world.image();
      const machineId = await world.machine();
      const transferId = await world.transfer(world.ours, { receivedBytes: 7 });
      await world.write(async (work) => {
        await work.images.become(id, 'building');
        await work.images.become(id, 'failed', { statusReason: 'r'.repeat(2000) });
        await work.events.add(
          'changed',
          { imageIds: [id], machineIds: [machineId], transferIds: [transferId] },
          { operation: 'imageGet', requestId: 'id' },
        );
        await work.images.update(id, { deletedAt: world.now() });
        await work.events.add('progress', { imageIds: [id] }, { phase: 'p', progress: 0.5 });
        await work.events.addLog(id, { position: 1, lines: ['a "line"', '\u0000'] });
      });
      const [image, machine, transfer, progress, log] = await all(world);
      assert.deepEqual(image, {
        ...{ id: image?.id, organisationId: world.ours, type: 'image.changed' },
        ...{ subject: String(id), status: 'failed', reason: 'r'.repeat(500) },
        ...{ bytes: null, bytesTotal: null, createdAt: world.now() },
        facts: { operation: 'imageGet', requestId: 'id' },
      });
      assert.deepEqual([machine?.type, machine?.status], ['machine.changed', 'off']);
      assert.deepEqual(
        [transfer?.subject, transfer?.status, transfer?.bytes, transfer?.bytesTotal],
        [transferId, 'receiving', 7, 100],
      );
      assert.deepEqual(
        [progress?.status, progress?.facts],
        ['deleted', { phase: 'p', progress: 0.5 }],
      );
      assert.equal(log?.facts.lines?.[0], 'a "line"');
    });

    it('is not there when its change was undone', async (t) => {
      const world = await make(t);
      const { id } = await world.image();
      await assert.rejects(
        world.write(async (work) => {
          await work.events.add('changed', { imageIds: [id] });
          throw new Error('undo');
        }),
      );
      assert.deepEqual(await all(world), []);
    });

    it('is one of many in one statement, each once and in the order of their ids', async (t) => {
      const world = await make(t);
      const machineIds: MachineId[] = [];
      for (let index = 0; index < 30; index++) machineIds.push(await world.machine());
      await world.write((work) => work.events.add('changed', { machineIds }));
      const found = await all(world);
      assert.deepEqual(new Set(found.map(({ subject }) => Number(subject))), new Set(machineIds));
      const ids = found.map(({ id }) => id);
      assert.deepEqual(
        ids,
        [...ids].sort((a, b) => a - b),
      );
      assert.deepEqual(await all(world, ids[27] ?? 0), found.slice(28));
    });

    it('is written for no thing of another organisation', async (t) => {
      const world = await make(t);
      const { id } = await world.image(null, world.theirs);
      await world.write(async (work) => {
        await work.events.add('changed', { imageIds: [id] });
        await work.events.addLog(id, {});
        await work.events.addOfLayer('layer.damaged', 'layer' as LayerId, [id]);
      }, world.ours);
      assert.deepEqual(await all(world), []);
    });

    it('about a layer or the host is written once for each organisation', async (t) => {
      const world = await make(t);
      const images = [
        await world.image(),
        await world.image(),
        await world.image(null, world.theirs),
      ];
      const ids = images.map(({ id }) => id);
      await world.write(async (work) => {
        await work.events.addOfLayer('layer.damaged', 'layer' as LayerId, ids);
        await work.events.addOfHost('host.low');
      });
      assert.deepEqual((await shown(world)).sort(), [
        ...['host.low  null', 'host.low  null'],
        ...['layer.damaged layer null', 'layer.damaged layer null'],
      ]);
      const own = await world.read((work) => work.events.after(0, 10), world.ours);
      assert.deepEqual(
        own.map(({ organisationId }) => organisationId),
        [world.ours, world.ours],
      );
    });

    it('is found by its types and its subjects, and the first log of an image at once', async (t) => {
      const world = await make(t);
      const [{ id }, other] = [await world.image(), await world.image()];
      await world.write(async (work) => {
        for (const [imageId, line] of [
          [other.id, 'a'],
          [id, 'b'],
          [id, 'c'],
        ] as const)
          await work.events.addLog(imageId, { lines: [line] });
        await work.events.add('changed', { imageIds: [id] });
      });
      const [, first] = await all(world);
      const found = (subjects: string[] | null) =>
        world.read((work) =>
          work.events.after(0, 10, {
            types: new Set(['image.log', 'machine.changed']),
            subjects: subjects && new Set(subjects),
          }),
        );
      const lines = (events: Awaited<ReturnType<typeof found>>) =>
        events.map(({ facts }) => facts.lines?.[0]);
      assert.deepEqual(lines(await found(null)), ['a', 'b', 'c']);
      assert.deepEqual(lines(await found([`image:${id}`])), ['b', 'c']);
      assert.equal(await world.read((work) => work.events.firstLog(id)), first?.id);
      const none = await world.image();
      assert.equal(await world.read((work) => work.events.firstLog(none.id)), undefined);
    });

    it('is forgotten after its time, and each organisation knows up to where', async (t) => {
      const world = await make(t);
      const [ours, theirs] = [await world.image(), await world.image(null, world.theirs)];
      const add = (imageId: typeof ours.id) =>
        world.write((work) => work.events.add('changed', { imageIds: [imageId] }));
      await add(ours.id);
      await add(theirs.id);
      world.advance(1000);
      await add(ours.id);
      const [first, , last] = await all(world);
      const prunable = (time: number) => world.read((work) => work.events.hasBefore(time));
      assert.deepEqual(
        [await prunable(world.now() - 1000), await prunable(world.now())],
        [false, true],
      );
      await world.write((work) => work.events.prune(world.now()));
      assert.deepEqual(
        (await all(world)).map(({ id }) => id),
        [last?.id],
      );
      const known = (scope: typeof world.ours) =>
        world.read(
          async (work) => [await work.events.forgotten(), await work.events.newest()],
          scope,
        );
      assert.deepEqual(await known(world.ours), [first?.id, last?.id]);
      const [forgotten, newest] = await known(world.theirs);
      assert.deepEqual([forgotten, newest], [(first?.id ?? 0) + 1, (first?.id ?? 0) + 1]);
      await world.write((work) => work.events.prune(world.now() + 1));
      assert.deepEqual(await known(world.ours), [last?.id, last?.id]);
      await add(ours.id);
      const [again] = await all(world);
      assert.ok((again?.id ?? 0) > (last?.id ?? 0), 'no id is given twice');
    });

    it('is forgotten when its organisation has too many, and those of others are not', async (t) => {
      const world = await make(t);
      const [ours, theirs] = [await world.image(), await world.image(null, world.theirs)];
      for (const { id } of [theirs, ours, ours, ours])
        await world.write((work) => work.events.add('changed', { imageIds: [id] }));
      const before = await all(world);
      const more = (rows: number) =>
        world.read((work) => work.events.hasMoreThan(rows), world.ours);
      assert.deepEqual([await more(3), await more(2)], [false, true]);
      await world.write((work) => work.events.pruneBeyond(2), world.ours);
      assert.deepEqual(
        await all(world),
        before.filter((_, index) => index !== 1),
      );
      const forgotten = await world.read((work) => work.events.forgotten(), world.ours);
      assert.equal(forgotten, before[1]?.id);
    });

    it('begins anew after a backup was restored, with ids that no listener can have', async (t) => {
      const world = await make(t);
      const { id } = await world.image();
      const add = () => world.write((work) => work.events.add('changed', { imageIds: [id] }));
      const forgotten = (scope: typeof world.ours) =>
        world.read((work) => work.events.forgotten(), scope);
      for (const withEvents of [false, true]) {
        if (withEvents) await add();
        const [before] = await all(world);
        await world.write((work) => work.events.beginAnew());
        assert.deepEqual(await all(world), []);
        await add();
        const [first] = await all(world);
        const floor = await forgotten(world.ours);
        assert.equal(first?.id, floor + 1);
        assert.equal(await forgotten(world.theirs), floor);
        assert.ok(floor >= (before?.id ?? 0) + 1_000_000_000);
      }
    });

    it('is counted, and wakes those who wait for events', async (t) => {
      const world = await make(t);
      const { id } = await world.image();
      let woken = 0;
      world.store.onEvents(() => {
        woken++;
      });
      const before = world.store.eventsWritten();
      await world.machine();
      assert.equal(world.store.eventsWritten(), before);
      // A store may wake them for no event too, when it has heard of none for a while.
      const wokenBefore = woken;
      await world.write((work) => work.events.add('changed', { imageIds: [id] }));
      assert.equal(world.store.eventsWritten(), before + 1);
      assert.ok(woken > wokenBefore);
    });
  });
