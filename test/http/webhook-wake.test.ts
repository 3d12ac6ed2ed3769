// Webhooks are told as soon as there is something to tell. The clock stands in these tests, so that
// no timer of the sender is due: what arrives was sent because of a wake.

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { type Scope, waitFor } from '../support.ts';
import { receiver, standingClock, withWebhooks } from './receiver.ts';

async function awake(t: Scope) {
  const all = await withWebhooks(t, true, {
    clock: standingClock(),
    reconcile: true,
    settings: { webhooksMayAskInside: true },
  });
  const to = await receiver(t);
  const arrives = (what: string, isIt: (one: { path: string; body: string }) => boolean) =>
    waitFor(what, () => to.arrived.find(isIt));
  const ofImage = (image: number, status: string) => (one: { body: string }) => {
    const { data } = JSON.parse(one.body);
    return data.subject?.id === String(image) && data.status === status;
  };
  return { ...all, to, arrives, ofImage };
}

describe('a webhook', () => {
  it('is told of an event when it is written, and not at the next look', async (t) => {
    const { h, create, to, arrives, ofImage } = await awake(t);
    await create(to.url(), { types: ['image.changed'] });
    const image = (await h.call('imageInstall', { body: { software_ids: [] } })).body.id;
    await arrives('the end of the build', ofImage(Number(image), 'available'));
    const told = to.told().map(({ data }) => data.status);
    assert.deepEqual(told.slice(0, 1), ['pending']);
    assert.equal(told.at(-1), 'available');
  });

  it('is sent a ping, a delivery again, and what waited in a pause at once', async (t) => {
    const { h, create, deliveries, to, arrives } = await awake(t);
    const { id } = await create(to.url('/hook'), { types: ['image.changed'] });
    to.settings.answer = (response) => void response.writeHead(410).end();
    await h.call('webhookPing', { params: { id } });
    const [dead] = await waitFor('the ping is dead', async () => {
      const all = await deliveries(id, 'dead');
      return all.length > 0 && all;
    });
    to.settings.answer = (response) => void response.end();
    await h.call('webhookRedeliver', { params: { id, delivery: dead.id } });
    await waitFor('the ping came again', () => to.arrived.length === 2);
    const pause = (paused: boolean) =>
      h.call('webhookUpdate', { params: { id }, body: { paused } });
    await pause(true);
    await h.call('imageInstall', { body: { software_ids: [] } });
    assert.equal(to.arrived.length, 2);
    await pause(false);
    await arrives('an event of the pause', ({ body }) => JSON.parse(body).type === 'image.changed');
  });

  it('is told though others hang, and is told of what comes meanwhile', async (t) => {
    const { h, create, to, arrives, ofImage } = await awake(t);
    const hanging: ServerResponse[] = [];
    to.settings.answer = (response, { path }) => {
      if (path === '/hang') hanging.push(response);
      else response.end();
    };
    const { id } = await create(to.url('/hang'));
    await create(to.url('/good'), { types: ['image.changed'] });
    await h.call('webhookPing', { params: { id } });
    await waitFor('a receiver hangs', () => hanging.length > 0);
    for (let n = 0; n < 3; n++) {
      const image = Number((await h.call('imageInstall', { body: { software_ids: [] } })).body.id);
      const isIt = ofImage(image, 'available');
      await arrives('the other is told', (one) => one.path === '/good' && isIt(one));
    }
    assert.ok(
      hanging.every((response) => !response.destroyed),
      'it still hangs',
    );
    for (const response of hanging) response.end();
  });
});
