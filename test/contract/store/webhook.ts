// Webhooks and their deliveries.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
