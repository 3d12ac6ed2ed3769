// Webhooks and their deliveries.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventType } from '../../../src/domain/event-type.ts';
import type { DeliveryState } from '../../../src/domain/webhook.ts';
import type { MakeWorld } from './world.ts';

export const testWebhooks = (make: MakeWorld) =>
  describe('a delivery', () => {
    it('is due when it is the first of its subject and its time has come', async (t) => {
      const world = await make(t);
      const { webhook, deliveryId } = await world.webhook();
      const { id } = webhook;
      const more = ['image:1', 'image:2', 'image:2'].map((subject) => ({
        ...{ subject, type: 'image.changed', body: '{}' },
      }));
      await world.write((work) => work.webhooks.enqueue(webhook, more, 5));
      const all = await world.read((work) => work.webhooks.deliveries(id, 10));
      const ids = all.map((one) => one.id).reverse();
      const due = async () =>
        (await world.read((work) => work.webhooks.due(id, 10))).map((one) => ids.indexOf(one.id));
      const update = (number: number, change: object) =>
        world.write((work) => work.webhooks.updateDelivery(ids[number] ?? 0, change));
      assert.deepEqual(await due(), [0, 2]);
      await update(0, { nextAt: world.now() + 1000 });
      assert.deepEqual(await due(), [2]);
      await update(2, { state: 'delivered', endedAt: world.now() });
      assert.deepEqual(await due(), [3]);
      world.advance(1000);
      assert.deepEqual(await due(), [0, 3]);
      await update(0, { state: 'dead', endedAt: world.now() });
      assert.deepEqual(await due(), [1, 3]);
      assert.equal(await world.read((work) => work.webhooks.waiting(id)), 2);
      const dead = await world.read((work) => work.webhooks.deliveries(id, 10, 'dead'));
      assert.deepEqual(
        dead.map((one) => one.id),
        [deliveryId],
      );
    });

    it('makes its webhook ready when it is due, or when there are later events, but not in a pause', async (t) => {
      const world = await make(t);
      const { webhook, deliveryId } = await world.webhook();
      const { id } = webhook;
      const ready = async () =>
        (await world.read((work) => work.webhooks.ready())).map((one) => one.id);
      const update = (change: object) =>
        world.write((work) => work.webhooks.updateDelivery(deliveryId, change));
      assert.deepEqual(await ready(), [id]);
      await update({ nextAt: world.now() + 1000 });
      assert.deepEqual(await ready(), []);
      const image = await world.image();
      const changed = async (times: number) => {
        await world.write(async (work) => {
          for (let n = 0; n < times; n++)
            await work.events.add('changed', { imageIds: [image.id] });
        });
        await world.store.publishEvents();
      };
      const passed = async () => {
        const { afterId } = await world.read((work) => work.webhooks.get(id));
        const newest = await world.read((work) => work.events.newest());
        await world.write((work) => work.webhooks.enqueue({ ...webhook, afterId }, [], newest));
      };
      const isToldOf = (types: EventType[]) =>
        world.write((work) => work.webhooks.update(id, { types }));
      await changed(1);
      await passed();
      await isToldOf(['image.changed']);
      assert.deepEqual(await ready(), []);
      await changed(1);
      assert.deepEqual(await ready(), [id]);
      await isToldOf(['image.log', 'machine.changed']);
      assert.deepEqual(await ready(), []);
      await changed(250);
      assert.deepEqual(await ready(), [id], 'it passes many others');
      await passed();
      await world.write((work) => work.webhooks.update(id, { pausedAt: world.now() }));
      await update({ nextAt: world.now() });
      assert.deepEqual(await ready(), []);
      assert.deepEqual(await world.read((work) => work.webhooks.due(id, 10)), []);
      await update({ nextAt: world.now() + 1000, createdAt: world.now() - 1000 });
      await world.write(async (work) => {
        await work.webhooks.update(id, { pausedAt: null });
        await work.webhooks.renew(id);
      });
      const [due] = await world.read((work) => work.webhooks.due(id, 10));
      assert.deepEqual([due?.nextAt, due?.createdAt], [world.now(), world.now()]);
    });

    it('is counted while it waits or is dead', async (t) => {
      const world = await make(t);
      const { webhook, deliveryId } = await world.webhook();
      await world.webhook(world.theirs, 'dead');
      const counts = () => world.read((work) => work.webhooks.counts(webhook.id));
      const kept = async () => {
        const { deliveries } = await world.read((work) => work.counts());
        return Object.fromEntries(deliveries.map(({ labels, count }) => [labels.state, count]));
      };
      assert.deepEqual(await counts(), { waiting: 1, dead: 0 });
      assert.deepEqual(await kept(), { waiting: 1, dead: 1 });
      const oldest = async () => (await world.read((work) => work.counts())).oldestDeliveryAt;
      assert.equal(await oldest(), world.now());
      const pause = (pausedAt: number | null) =>
        world.write((work) => work.webhooks.update(webhook.id, { pausedAt }));
      await pause(world.now());
      assert.equal(await oldest(), null);
      await pause(null);
      const end = (state: DeliveryState) =>
        world.write((work) =>
          work.webhooks.updateDelivery(deliveryId, { state, endedAt: world.now() }),
        );
      await end('dead');
      assert.deepEqual(await counts(), { waiting: 0, dead: 1 });
      assert.deepEqual(await kept(), { dead: 2 });
      await end('delivered');
      assert.deepEqual(await kept(), { dead: 1 });
      await world.write((work) => work.webhooks.remove(webhook.id));
      await world.write((work) => work.webhooks.prune(world.now() + 1, world.now() + 1));
      assert.deepEqual(await kept(), {});
      assert.equal(await oldest(), null);
    });

    it('is added once, though two servers look at the same events', async (t) => {
      const world = await make(t);
      const { webhook } = await world.webhook();
      const one = { subject: 'image:1', type: 'image.changed', body: '{}' };
      for (const _ of [1, 2]) await world.write((work) => work.webhooks.enqueue(webhook, [one], 2));
      assert.equal(await world.read((work) => work.webhooks.waiting(webhook.id)), 2);
    });

    it('goes with its webhook, and after its time when it has ended', async (t) => {
      const world = await make(t);
      const { webhook } = await world.webhook();
      const ended = await world.webhook(world.ours, 'dead');
      const prune = (delivered: number, dead: number) =>
        world.write(async (work) => {
          const has = await work.webhooks.hasEnded(delivered, dead);
          await work.webhooks.prune(delivered, dead);
          return has;
        });
      const left = async () =>
        (await world.read((work) => work.webhooks.deliveries(ended.webhook.id, 10))).length;
      assert.deepEqual([await prune(world.now() + 1, world.now()), await left()], [false, 1]);
      assert.deepEqual([await prune(0, world.now() + 1), await left()], [true, 0]);
      assert.equal(await world.read((work) => work.webhooks.waiting(webhook.id)), 1);
      await world.write((work) => work.webhooks.remove(webhook.id));
      assert.equal(await world.read((work) => work.webhooks.waiting(webhook.id)), 0);
      await assert.rejects(
        world.read((work) => work.webhooks.get(webhook.id)),
        { code: 'not_found' },
      );
    });
  });
