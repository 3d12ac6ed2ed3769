// Webhooks: what arrives at a receiver, how it is signed, and what happens when it does not arrive.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { movableClock, temporaryFolder, waitFor } from '../support.ts';
import { receiver, withWebhooks } from './receiver.ts';

const dayMs = 24 * 3600_000;

describe('a webhook', () => {
  it('is told of what happens after it was made, signed so that the example of the guide verifies it', async (t) => {
    const { install, create, deliver, deliveries } = await withWebhooks(t);
    const to = await receiver(t);
    await install([]);
    const { id, secret } = await create(to.url('/hook'));
    const image = await install([]);
    await deliver();
    await deliver();
    assert.deepEqual(
      to.told().map(({ type, data }) => [type, data.subject, data.status]),
      ['pending', 'available'].map((status) => [
        ...['image.changed', { type: 'image', id: String(image) }, status],
      ]),
    );
    const guide = readFileSync(new URL('../../docs/guide/webhooks.md', import.meta.url), 'utf8');
    const file = join(await temporaryFolder(t), 'verify.mjs');
    await writeFile(file, /```js\n(.*?)```/s.exec(guide)?.[1] ?? '');
    const { isGenuine } = await import(file);
    for (const { headers, body, path } of to.arrived) {
      assert.equal(path, '/hook');
      assert.equal(isGenuine(secret, headers, body), true);
      assert.equal(isGenuine(secret, headers, `${body} `), false);
      assert.equal(isGenuine(`whsec_${'A'.repeat(44)}`, headers, body), false);
      const late = String(Number(headers['webhook-timestamp']) - 1000);
      assert.equal(isGenuine(secret, { ...headers, 'webhook-timestamp': late }, body), false);
    }
    const ids = to.arrived.map(({ headers }) => headers['webhook-id']);
    assert.equal(new Set(ids).size, 2);
    const states = (await deliveries(id)).map((one: { state: string }) => one.state);
    assert.deepEqual(states, ['delivered', 'delivered']);
  });

  it('is told again when it failed, in the order of each thing, and then of the rest', async (t) => {
    const { h, install, create, deliver, deliveries, advance } = await withWebhooks(t);
    const to = await receiver(t);
    const { id } = await create(to.url(), { types: ['image.changed'] });
    const [first, second] = [await install([]), await install([])];
    to.settings.answer = (response, { body }) => {
      const isFirst = JSON.parse(body).data.subject.id === String(first);
      response.writeHead(isFirst ? 500 : 204).end();
    };
    await deliver();
    const short = () => to.told().map(({ data }) => `${data.subject.id} ${data.status}`);
    assert.deepEqual(short().sort(), [
      `${first} pending`,
      ...[`${second} available`, `${second} pending`],
    ]);
    const [, tried] = (await deliveries(id, 'waiting')) as { answer: string; attempts: number }[];
    assert.deepEqual([tried?.answer, tried?.attempts], ['HTTP 500', 1]);
    await deliver();
    assert.equal(to.arrived.length, 3, 'it waits before the next attempt');
    to.settings.answer = (response) => void response.end();
    advance(5000);
    await deliver();
    assert.deepEqual(short().slice(3), [`${first} pending`, `${first} available`]);
    const [again, before] = [
      to.arrived[3],
      to.arrived.find((one) => one.body === to.arrived[3]?.body),
    ];
    assert.equal(again?.headers['webhook-id'], before?.headers['webhook-id']);
    assert.equal(h.ours > 0, true);
  });

  it('that is away for a day leaves dead deliveries, which are sent again by hand', async (t) => {
    const { h, install, create, deliver, deliveries, advance } = await withWebhooks(t);
    const to = await receiver(t);
    const { id } = await create(to.url(), { types: ['image.changed'] });
    await install([]);
    to.settings.answer = (response) => void response.writeHead(503).end();
    for (let hours = 0; hours < 60; hours += 2) {
      await deliver();
      advance(dayMs / 12);
    }
    const dead = await deliveries(id, 'dead');
    assert.equal(dead.length, 2);
    assert.ok(to.arrived.length > 12 && to.arrived.length < 30, `${to.arrived.length} attempts`);
    to.settings.answer = (response) => void response.end();
    const params = { id, delivery: dead.at(-1).id };
    const { body } = await h.call('webhookRedeliver', { params });
    assert.equal(body.attributes.state, 'waiting');
    assert.equal((await h.call('webhookRedeliver', { params })).status, 409);
    await deliver();
    assert.equal((await deliveries(id, 'delivered')).length, 1);
    advance(8 * dayMs);
    await h.service.reconciler.task('collect');
    assert.deepEqual(await deliveries(id), []);
  });

  it('asks no address inside unless the operator allows it, and follows no redirection there', async (t) => {
    const { h, create, deliver, deliveries } = await withWebhooks(t, false);
    const to = await receiver(t);
    const port = new URL(to.url()).port;
    const answers: string[] = [];
    for (const host of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '169.254.169.254']) {
      const { id } = await create(`http://${host}:${port}/`);
      await h.call('webhookPing', { params: { id } });
      await deliver();
      answers.push((await deliveries(id))[0].answer);
    }
    assert.equal(to.arrived.length, 0);
    for (const answer of answers) assert.match(answer, /not one of the public internet/);
  });

  it('that redirects, is gone, or answers without an end holds up no other one', async (t) => {
    const { h, create, deliver, deliveries } = await withWebhooks(t);
    const to = await receiver(t);
    const ids: Record<string, string> = {};
    for (const path of ['/moved', '/gone', '/endless', '/good']) {
      ids[path] = (await create(to.url(path))).id;
      await h.call('webhookPing', { params: { id: ids[path] } });
    }
    to.settings.answer = (response, { path }) => {
      if (path === '/moved') response.writeHead(307, { location: to.url('/stolen') }).end();
      else if (path === '/gone') response.writeHead(410).end();
      else if (path === '/good') response.end();
      else {
        const more = () => {
          while (response.write('x'.repeat(65_536)));
          response.once('drain', more);
        };
        more();
      }
    };
    await deliver();
    const states = await Promise.all(
      Object.entries(ids).map(async ([path, id]) => [path, (await deliveries(id))[0].state]),
    );
    assert.deepEqual(Object.fromEntries(states), {
      ...{ '/moved': 'waiting', '/gone': 'dead', '/endless': 'delivered', '/good': 'delivered' },
    });
    assert.ok(!to.arrived.some(({ path }) => path === '/stolen'));
    assert.equal(to.told()[0].type, 'ping');
  });

  it('is told at once of what happens while the receiver of another organisation hangs', async (t) => {
    const { clock } = movableClock();
    const quick = (ms: number, signal?: AbortSignal) => clock.sleep(Math.min(ms, 20), signal);
    const { h, deliver, create } = await withWebhooks(t, true, {
      clock: { ...clock, sleep: quick },
      settings: { webhooksMayAskInside: true },
    });
    const [hanging, good] = [await receiver(t), await receiver(t)];
    const held: ServerResponse[] = [];
    hanging.settings.answer = (response) => void held.push(response);
    const ping = async (id: string, key: typeof h.keys.ours) =>
      assert.equal((await h.call('webhookPing', { params: { id } }, key)).status, 200);
    await ping((await create(hanging.url())).id, h.keys.ours);
    const run = deliver();
    await waitFor('the first receiver hangs', () => held.length > 0);
    const theirs = await h.call('webhookCreate', { body: { url: good.url() } }, h.keys.theirs);
    await ping(theirs.body.id, h.keys.theirs);
    await waitFor('the other one is told', () => good.arrived.length > 0);
    assert.equal(hanging.arrived.length, 1);
    for (const response of held) response.end();
    await run;
  });

  it('is refused for a wrong address, an unknown type, and beyond the most; it ends with its deletion', async (t) => {
    const { h, install, create, deliver } = await withWebhooks(t);
    const to = await receiver(t);
    for (const [body, message] of [
      [{ url: 'ftp://a.test/' }, /url must be an address/],
      [{ url: 'a.test' }, /url must be an address/],
      [{ url: 'https://user:pw@a.test/' }, /may not have a user/],
      [{ url: 'https://a.test/', types: ['image.exploded'] }, /it may have: image\.changed/],
      [{ url: 'https://a.test/', types: [] }, /types/],
      [{}, /lacks the field url/],
    ] as const) {
      const refused = await h.call('webhookCreate', { body });
      assert.equal(refused.status, 400);
      assert.match(refused.body.message, message);
    }
    const { id } = await create(to.url());
    for (let n = 1; n < 20; n++) await create(to.url());
    const { status, body } = await h.call('webhookCreate', { body: { url: to.url() } });
    assert.deepEqual([status, /which is the most/.test(body.message)], [400, true]);
    const { webhooks } = (await h.call('webhookList')).body;
    assert.equal(webhooks.length, 20);
    assert.ok(!JSON.stringify(webhooks).includes('whsec_'));
    for (const one of webhooks) await h.call('webhookDelete', { params: { id: one.id } });
    assert.equal((await h.call('webhookGet', { params: { id } })).status, 404);
    await install([]);
    await deliver();
    assert.equal(to.arrived.length, 0);
  });
});
