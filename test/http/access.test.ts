// Links that open a machine: once, before they expire, and only while the machine is ready. A
// reader of the store cannot use them.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { reachedAt } from '../../src/http/hygiene.ts';
import { parseConfig } from '../../src/server/options.ts';
import { buildService } from '../../src/server/service.ts';
import { movableClock } from '../support.ts';
import { startHarness } from './harness.ts';

describe("a link to a machine's screen", () => {
  it('opens the machine once, and leaves an audit entry under the key that made it', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    assert.equal((await h.call('machineAccess', { params: { id } })).body.client_code, 4201);
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    const before = Date.now();
    const { attributes } = (
      await h.call('machineAccess', { params: { id }, body: { expires_in: 60 } })
    ).body;
    const expiresAt = Date.parse(attributes.expires_at);
    assert.ok(expiresAt >= before + 60_000 && expiresAt <= Date.now() + 60_000);
    const { pathname } = new URL(attributes.connection_link);
    const ask = (method: 'GET' | 'POST', path = pathname) =>
      h.service.app.inject({ method, url: path });

    // A GET, as a program that previews links sends it, does not use the link up.
    for (const _ of [1, 2]) assert.equal((await ask('GET')).json().attributes.machine_id, id);
    const answers = await Promise.all([ask('POST'), ask('POST'), ask('POST')]);
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [200, 404, 404]);
    for (const method of ['GET', 'POST'] as const)
      assert.equal((await ask(method)).json().client_code, 404);
    assert.equal((await ask('POST', '/access/guess')).json().client_code, 404);
    const { logs } = (
      await h.call('userActionLogList', { query: '?action_type=machine_external_access_opened' })
    ).body;
    assert.equal(logs.length, 1);
    assert.deepEqual(
      [logs[0].attributes.organization_machine_id, logs[0].attributes.metadata.key],
      [id, h.keys.ours.key],
    );

    const stored = await h.store.read('system', (work) => work.access.find(pathname));
    assert.equal(stored, undefined);
  });

  it('opens nothing after its time, nor while the machine is not ready', async (t) => {
    const { clock, advance } = movableClock();
    const h = await startHarness(t, { clock });
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    const make = async (body?: object) => {
      const { attributes } = (await h.call('machineAccess', { params: { id }, body })).body;
      const path = new URL(attributes.connection_link).pathname;
      return async () =>
        (await h.service.app.inject({ method: 'GET', url: path })).json().client_code;
    };
    const [short, long] = [await make({ expires_in: 5 }), await make()];
    assert.deepEqual([await short(), await long()], [200, 200]);
    advance(6000);
    assert.deepEqual([await short(), await long()], [404, 200]);
    await h.call('machineStop', { params: { id } });
    await h.machineIs(id, 'off');
    assert.equal(await long(), 4201);
    advance(3600_001);
    assert.equal(await long(), 404);
    for (const expires_in of [0, -1, 86_401, 'sixty', 1.5])
      assert.equal(
        (await h.call('machineAccess', { params: { id }, body: { expires_in } })).body.client_code,
        400,
      );
  });

  it('opens nothing once the key that made it is revoked or has expired', async (t) => {
    const { clock, advance } = movableClock();
    const h = await startHarness(t, { clock });
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    const make = async () => {
      const key = await h.makeKey(h.ours);
      const { attributes } = (await h.call('machineAccess', { params: { id } }, key)).body;
      const url = new URL(attributes.connection_link).pathname;
      const ask = async (method: 'GET' | 'POST') =>
        (await h.service.app.inject({ method, url })).json().client_code;
      assert.equal(await ask('GET'), 200);
      return { key: key.key as never, ask };
    };
    const [revoked, expired] = [await make(), await make()];
    await h.store.write('system', async (work) => {
      await work.keys.revoke(revoked.key);
      await work.keys.expire(expired.key, clock.now() + 1000);
    });
    assert.equal(await expired.ask('GET'), 200);
    advance(1000);
    for (const { ask } of [revoked, expired])
      for (const method of ['GET', 'POST'] as const) assert.equal(await ask(method), 404);
  });

  it('begins with the public or the reached address, never with an address from a header', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    const path = `/organization-management/v1/machines/${id}/access`;
    const evil = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
    };
    const { body } = await h.send({ method: 'POST', path, headers: evil });
    assert.match(
      body.attributes.connection_link,
      /^http:\/\/(localhost|127\.0\.0\.1):\d+\/access\//,
    );
    assert.equal(
      reachedAt({ localAddress: '::ffff:10.0.0.1', localPort: 81 } as Socket),
      'http://10.0.0.1:81',
    );
    assert.equal(
      reachedAt({ localAddress: 'fd00::1', localPort: 81 } as Socket),
      'http://[fd00::1]:81',
    );
    const behind = buildService({
      ...h,
      publicUrl: 'https://images.example/silver',
      logLevel: 'silent',
    });
    t.after(() => behind.close());
    const answer = await h.send({ method: 'POST', path, headers: evil }, undefined, behind.app);
    assert.match(
      answer.body.attributes.connection_link,
      /^https:\/\/images\.example\/silver\/access\//,
    );
    const of = (publicUrl: string) => parseConfig({ publicUrl }, {}).publicUrl;
    assert.equal(of('https://images.example/a/'), 'https://images.example/a');
    for (const wrong of [
      'images.example',
      'ftp://a',
      'https://a?b',
      'https://a#b',
      'https://user@a',
      'https://u:p@a',
      '',
    ])
      assert.throws(() => of(wrong), /--public-url is/, wrong);
  });

  it('is given again for the same Idempotency-Key, and the store keeps it sealed', async (t) => {
    const h = await startHarness(t);
    const [id = 0] = h.machines;
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    const request = {
      method: 'POST',
      path: `/organization-management/v1/machines/${id}/access`,
      headers: { 'idempotency-key': 'once' },
    };
    const [first, second] = [await h.send(request), await h.send(request)];
    assert.deepEqual(first.body, second.body);
    const token = new URL(first.body.attributes.connection_link).pathname.split('/').at(-1) ?? '';
    const kept = await h.store.read('system', (work) => work.idempotency.list());
    assert.equal(kept.length, 1);
    assert.doesNotMatch(JSON.stringify(kept), new RegExp(token));
  });
});
