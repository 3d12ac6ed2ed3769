// The clock of the host is set while webhooks are told, and while streams of events are open.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { afterAttempt } from '../../src/domain/webhook.ts';
import { movableClock, waitFor } from '../support.ts';
import { hearing } from './event-reader.ts';
import { receiver, withWebhooks } from './receiver.ts';

const hourMs = 3600_000;

describe('a clock that is set', () => {
  it('back keeps no delivery waiting, and no event from a webhook', async (t) => {
    const { install, create, deliver, jump } = await withWebhooks(t);
    const to = await receiver(t);
    await create(to.url(), { types: ['image.changed'] });
    to.settings.answer = (response) => void response.writeHead(503).end();
    const first = await install([]);
    await deliver();
    to.settings.answer = (response) => void response.end();
    jump(-48 * hourMs);
    const second = await install([]);
    await deliver();
    const told = to.told().map(({ data }) => `${data.subject.id} ${data.status}`);
    for (const image of [first, second])
      for (const status of ['pending', 'available'])
        assert.ok(told.includes(`${image} ${status}`), `${image} ${status} of ${told}`);
  });

  it('forward removes no dead delivery before its time', async (t) => {
    const settings = { webhooksMayAskInside: true, lookAgainMs: 10 * 60_000 };
    const { clock, advance, jump } = movableClock();
    const { h, create, deliver, deliveries } = await withWebhooks(t, true, { clock, settings });
    const to = await receiver(t);
    const { id } = await create(to.url());
    to.settings.answer = (response) => void response.writeHead(410).end();
    await h.call('webhookPing', { params: { id } });
    await deliver();
    await h.service.reconciler.task('collect');
    jump(30 * 24 * hourMs);
    await h.service.reconciler.task('collect');
    assert.equal((await deliveries(id, 'dead')).length, 1);
    jump(-30 * 24 * hourMs);
    for (let day = 0; day < 9; day++) {
      advance(24 * hourMs);
      await h.service.reconciler.task('collect');
    }
    assert.equal((await deliveries(id, 'dead')).length, 0);
  });

  it('back again and again ends the attempts of a delivery all the same', () => {
    let delivery = { attempts: 0, createdAt: 0 };
    for (let n = 0; n < 100; n++) {
      const { state, attempts } = afterAttempt(delivery, 503, 0);
      if (state === 'dead') return;
      delivery = { ...delivery, attempts };
    }
    assert.fail('it was tried for ever');
  });

  it('leaves streams open, which hear what happens', async (t) => {
    const { clock, jump } = movableClock();
    const { h, hear } = await hearing(t, { clock });
    const heard = await hear();
    await waitFor('the stream is open', () => heard.lastId() !== '');
    for (const hours of [-48, 96, -48]) {
      jump(hours * hourMs);
      const id = String((await h.call('imageInstall')).body.id);
      await heard.until('the event', ({ data }) => data.subject?.id === id);
    }
    assert.equal(heard.frames.filter(({ event }) => event === 'gap').length, 0);
    assert.equal(heard.isOver(), false);
  });
});
