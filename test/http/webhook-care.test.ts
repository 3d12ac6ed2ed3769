// Webhooks that are changed, paused, and given a new secret.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { signedHeaders } from '../../src/lib/webhook-signature.ts';
import { receiver, withWebhooks } from './receiver.ts';

const dayMs = 24 * 3600_000;

describe('a webhook', () => {
  it('that is paused is told of everything when the pause ends, at its new address', async (t) => {
    const { h, install, create, deliver, deliveries, advance } = await withWebhooks(t);
    const to = await receiver(t);
    const { id } = await create(to.url('/old'), { types: ['image.changed'] });
    to.settings.answer = (response) => void response.writeHead(500).end();
    const first = await install([]);
    await deliver();
    const before = to.arrived.length;
    const update = async (body: object) =>
      (await h.call('webhookUpdate', { params: { id }, body })).body;
    const paused = await update({ paused: true });
    assert.notEqual(paused.attributes.paused_at, null);
    assert.equal(paused.attributes.waiting, 2);
    const again = await update({ paused: true, url: to.url('/new') });
    assert.equal(again.attributes.paused_at, paused.attributes.paused_at);
    advance(2 * dayMs);
    const second = await install([]);
    await deliver();
    assert.equal(to.arrived.length, before, 'it is told of nothing');
    await update({ paused: false });
    await deliver();
    assert.equal((await deliveries(id, 'dead')).length, 0, 'a pause takes no time from them');
    to.settings.answer = (response) => void response.end();
    advance(30_000);
    await deliver();
    const last = to.arrived.slice(-4).map(({ path, body }) => {
      const { subject, status } = JSON.parse(body).data;
      return `${path} ${subject.id} ${status}`;
    });
    const all = [first, second].flatMap((image) =>
      ['pending', 'available'].map((status) => `/new ${image} ${status}`),
    );
    assert.deepEqual(last.sort(), all.sort());
    assert.deepEqual((await update({ types: ['host.low'] })).attributes.types, ['host.low']);
    for (const [body, message] of [
      [{}, /give url, types or paused/],
      [{ url: 'ftp://a.test/' }, /url must be an address/],
      [{ types: ['image.exploded'] }, /it may have: image\.changed/],
    ] as const)
      assert.match((await update(body)).message, message);
  });

  it('is signed with both secrets while the old one still counts, and then with the new one', async (t) => {
    const { h, create, deliver, advance } = await withWebhooks(t);
    const to = await receiver(t);
    const { id, secret } = await create(to.url());
    const signedBy = async () => {
      await h.call('webhookPing', { params: { id } });
      await deliver();
      const { headers, body } = to.arrived.at(-1) ?? assert.fail('nothing came');
      const at = Number(headers['webhook-timestamp']) * 1000;
      const signatures = String(headers['webhook-signature']).split(' ');
      return all.filter((one) => {
        const own = signedHeaders([one], String(headers['webhook-id']), at, body);
        return signatures.includes(own['webhook-signature']);
      });
    };
    const rotate = async (body?: object) =>
      (await h.call('webhookRotate', { params: { id }, body })).body;
    const all = [secret];
    const rotated = await rotate({ overlap_seconds: 60 });
    all.push(rotated.secret);
    assert.notEqual(rotated.attributes.old_secret_until, null);
    assert.deepEqual(await signedBy(), all);
    advance(60_000);
    assert.deepEqual(await signedBy(), [rotated.secret]);
    all.push((await rotate({})).secret, (await rotate({ overlap_seconds: 0 })).secret);
    assert.deepEqual(await signedBy(), [all[3]]);
    const shown = JSON.stringify((await h.call('webhookGet', { params: { id } })).body);
    assert.ok(!/whsec_|sealed/i.test(shown));
    const { status } = await h.call('webhookRotate', {
      params: { id },
      body: { overlap_seconds: -1 },
    });
    assert.equal(status, 400);
  });
});
