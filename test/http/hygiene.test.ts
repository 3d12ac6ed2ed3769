// The rules for every answer and every path: headers, ids, methods.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { operations } from '../../src/contract/table.ts';
import { startHarness } from './harness.ts';
import { listening } from './sockets.ts';

describe('every answer', () => {
  it('has security headers and a request id, names no product, and allows nothing to pages of other origins', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const answers = [
      await h.call('softwareList'),
      await h.send({ method: 'GET', path: '/healthz' }),
      await h.send({
        method: 'GET',
        path: '/nothing',
        headers: { origin: 'https://elsewhere.example' },
      }),
    ];
    for (const { headers } of answers) {
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['x-frame-options'], 'DENY');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['content-security-policy'], "default-src 'none';frame-ancestors 'none'");
      assert.equal(headers['cache-control'], 'no-store');
      assert.match(String(headers['x-request-id']), /^[0-9a-f-]{36}$/);
      for (const name of ['server', 'x-powered-by', 'access-control-allow-origin'])
        assert.equal(headers[name], undefined);
    }
  });

  it("has the caller's own request id when it is plain text, and the audit trail keeps it", async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const install = { method: 'POST', path: `${pathPrefix}/images/install` };
    const own = await h.send({ ...install, headers: { 'x-request-id': 'job-17.step:2' } });
    assert.equal(own.headers['x-request-id'], 'job-17.step:2');
    const { logs } = (await h.call('userActionLogList')).body;
    assert.equal(logs[0].attributes.metadata.request_id, 'job-17.step:2');
    for (const odd of ['', 'a b', '<script>', 'x'.repeat(129)]) {
      const { headers } = await h.send({ ...install, headers: { 'x-request-id': odd } });
      assert.match(String(headers['x-request-id']), /^[0-9a-f-]{36}$/);
    }
  });
});

describe('a path', () => {
  it('names its methods in the answer to OPTIONS and to a wrong method', async (t) => {
    const { service } = await startHarness(t, { reconcile: false });
    const ask = (method: 'OPTIONS' | 'DELETE' | 'PUT', url: string) =>
      service.app.inject({ method, url });
    const options = await ask('OPTIONS', `${pathPrefix}/images/7`);
    assert.deepEqual(
      [options.statusCode, options.body, options.headers.allow],
      [204, '', 'DELETE, GET, HEAD, OPTIONS'],
    );
    const wrong = await ask('PUT', `${pathPrefix}/images`);
    assert.deepEqual([wrong.statusCode, wrong.headers.allow], [405, 'GET, HEAD, OPTIONS, POST']);
    assert.equal((await ask('DELETE', '/healthz')).statusCode, 405);
    assert.equal((await ask('OPTIONS', '/nothing')).statusCode, 404);
  });

  it('answers HEAD as GET without the body', async (t) => {
    const { h, port } = await listening(t);
    const path = `${pathPrefix}/software`;
    const get = await h.send({ method: 'GET', path, extensions: false });
    const { createHmac } = await import('node:crypto');
    const { key, secret } = h.keys.ours;
    const timestamp = Date.now();
    const signature = createHmac('sha256', secret)
      .update(`${key}HEAD${path}${timestamp}head`)
      .digest('hex');
    const head = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'HEAD',
      headers: { authorization: `HMAC ${key}:${signature}:head:${timestamp}` },
    });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get('content-length'), get.headers['content-length']);
    assert.equal(await head.text(), '');
  });
});

describe('a path with a slash at its end', () => {
  it('is the same as without, for every operation, and is signed as it was sent', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    // A stream has no end, so it is asked for what it refuses.
    const headers = { 'last-event-id': 'none' };
    for (const { method, path } of Object.values(operations)) {
      const plain = pathPrefix + path.replaceAll(/\{\w+\}/g, '1');
      const [without, slash] = [
        await h.send({ method, path: plain, headers }),
        await h.send({ method, path: `${plain}/`, headers }),
      ];
      assert.notEqual(slash.body.message, undefined, plain);
      if (method === 'GET')
        assert.deepEqual(
          [slash.status, slash.body.message],
          [without.status, without.body.message],
          plain,
        );
      assert.ok(
        ![401, 405].includes(slash.status) && !/nothing at/.test(slash.body.message),
        plain,
      );
      assert.equal(
        (await h.send({ method, path: `${plain}/`, signedPath: plain })).status,
        401,
        plain,
      );
      assert.ok([400, 404].includes((await h.send({ method, path: `${plain}//` })).status), plain);
    }
    assert.equal(
      (await h.send({ method: 'GET', path: `${pathPrefix}/images/`, query: '?per_page=1' })).status,
      200,
    );
  });
});
