// The numbers of events, of the streams that listen to them, and of what webhooks are told.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { streamLimits } from '../../src/http/event-listener.ts';
import { waitFor } from '../support.ts';
import { hearing } from './event-reader.ts';
import type { Harness } from './harness.ts';
import { receiver, withWebhooks } from './receiver.ts';

/** The value of a metric; undefined when it is not shown. */
async function numberOf(h: Harness, name: string): Promise<number | undefined> {
  const { body } = await h.service.app.inject({ method: 'GET', url: '/metrics' });
  const line = body.split('\n').find((one) => one.startsWith(`silversmith_${name} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

/** A count that took long, as on a busy host, is given for some seconds. */
const comesTo = <Value>(what: string, of: () => Promise<Value>, wanted: Value) =>
  waitFor(what, async () => isDeepStrictEqual(await of(), wanted), 60_000);

describe('the numbers of events', () => {
  it('tell how many streams are open, and why others have ended', async (t) => {
    const { h, hear } = await hearing(t);
    const endedBy = (reason: string) =>
      numberOf(h, `event_listeners_ended_total{reason="${reason}"}`);
    assert.deepEqual([await numberOf(h, 'event_listeners'), await endedBy('left')], [0, 0]);
    const all = [await hear(), await hear(), await hear({ lastEventId: '999999' })];
    await waitFor('three are open', async () => (await numberOf(h, 'event_listeners')) === 3);
    assert.equal(await numberOf(h, 'event_gaps_total'), 1);
    all[0]?.close();
    await waitFor('one has left', async () => (await endedBy('left')) === 1);
    assert.equal(await numberOf(h, 'event_listeners'), 2);
    const before = h.store.eventsWritten();
    await h.call('imageInstall');
    assert.equal(h.store.eventsWritten(), before + 1);
    await comesTo('it is shown', () => numberOf(h, 'events_written_total'), before + 1);
    assert.equal(await numberOf(h, 'event_listeners_behind'), 0);
    await h.service.app.close();
    for (const [reason, count] of [
      ['stopping', 2],
      ['left', 1],
    ] as const)
      assert.match(
        await h.service.metrics.text(),
        new RegExp(`event_listeners_ended_total\\{reason="${reason}"\\} ${count}\n`),
      );
  });

  it('tell that a stream takes no more, and that it was ended for that', async (t) => {
    const usual = { ...streamLimits };
    Object.assign(streamLimits, { checkMs: 20 });
    t.after(() => void Object.assign(streamLimits, usual));
    const { h, hear } = await hearing(t);
    const heard = await hear();
    heard.pause();
    const image = (await h.call('imageInstall')).body.id;
    const lines = Array.from({ length: 60 }, () => 'x'.repeat(900));
    await waitFor('the stream is behind', async () => {
      await h.store.write(h.ours, (work) => work.events.addLog(image, { lines }));
      return (await numberOf(h, 'event_listeners_behind')) === 1;
    });
    heard.close();
    await waitFor(
      'its end is counted',
      async () => (await numberOf(h, 'event_listeners_ended_total{reason="slow"}')) === 1,
    );
    await waitFor(
      'nobody is behind',
      async () => (await numberOf(h, 'event_listeners_behind')) === 0,
    );
  });

  it('tell what became of deliveries, and how long the oldest waits', async (t) => {
    const { h, install, create, deliver, advance } = await withWebhooks(t);
    const to = await receiver(t);
    await create(to.url(), { types: ['image.changed'] });
    const { id: gone } = await create(to.url('/gone'), { types: ['host.low'] });
    await h.call('webhookPing', { params: { id: gone } });
    to.settings.answer = (response, { path }) =>
      void response.writeHead(path === '/gone' ? 410 : 503).end();
    await install([]);
    await deliver();
    advance(1000);
    const shown = () =>
      Promise.all(
        [
          ...['delivered', 'retried', 'dead'].map(
            (outcome) => `webhook_deliveries_total{outcome="${outcome}"}`,
          ),
          ...['waiting', 'dead'].map((state) => `webhook_deliveries{state="${state}"}`),
        ].map((name) => numberOf(h, name)),
      );
    await comesTo('failures are counted', shown, [0, 1, 1, 2, 1]);
    for (const name of ['webhook_oldest_waiting_seconds', 'event_oldest_seconds'])
      assert.ok(((await numberOf(h, name)) ?? 0) >= 1, name);
    to.settings.answer = (response) => void response.end();
    advance(5000);
    await deliver();
    await comesTo('deliveries are counted', shown, [2, 1, 1, undefined, 1]);
    assert.equal(await numberOf(h, 'webhook_oldest_waiting_seconds'), 0);
  });
});
