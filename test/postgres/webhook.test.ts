// Webhooks where several servers share a database: one of them tells, whichever wrote the event.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { receiver, standingClock } from '../http/receiver.ts';
import { waitFor } from '../support.ts';
import { startReplicas } from './replicas.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

describe('three servers on one database', () => {
  it('tell a webhook at once and in order, whichever of them an event was written by', async (t) => {
    const clock = standingClock();
    const settings = { webhooksMayAskInside: true };
    const s = await startReplicas(t, await server.database(), { count: 3, clock, settings });
    const to = await receiver(t);
    const body = { url: to.url(), types: ['image.changed'] };
    assert.equal((await s.at(0).call('webhookCreate', { body })).status, 200);
    const images: string[] = [];
    for (let n = 0; n < 6; n++) {
      const { body: image } = await s.at(n).call('imageInstall', { body: { software_ids: [] } });
      images.push(String(image.id));
      await waitFor('its end was told', () =>
        to
          .told()
          .find(({ data }) => data.subject.id === String(image.id) && data.status === 'available'),
      );
    }
    for (const image of images) {
      const told = to.arrived.filter((one) => JSON.parse(one.body).data.subject.id === image);
      // A delivery may come twice, with the same id, when its server lost the task.
      const once = new Map(told.map((one) => [one.headers['webhook-id'], one]));
      const statuses = [...once.values()].map((one) => JSON.parse(one.body).data.status);
      assert.deepEqual([statuses[0], statuses.at(-1)], ['pending', 'available']);
    }
  });
});
