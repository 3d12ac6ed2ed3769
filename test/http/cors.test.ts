// Which pages of other origins may call the API from a browser.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { parseConfig } from '../../src/server/options.ts';
import { startHarness } from './harness.ts';

const origin = 'https://console.example';
const other = 'http://localhost:5173';
const images = `${pathPrefix}/images`;
const asking = (from: string) => ({
  origin: from,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization,content-type,idempotency-key',
});
const corsHeaders = (headers: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith('access-control-')),
  );
const forAnswers = (from: string) => ({
  'access-control-allow-origin': from,
  'access-control-expose-headers': 'x-request-id, idempotent-replayed, retry-after',
});

describe('a page of another origin', () => {
  it('may call the API when its origin is named, and reads refusals too', async (t) => {
    const h = await startHarness(t, { reconcile: false, corsOrigins: [origin, other] });
    for (const from of [origin, other]) {
      const headers = { origin: from };
      const answers = [
        [200, await h.send({ method: 'GET', path: images, headers })],
        [200, await h.send({ method: 'POST', path: `${images}/install`, headers })],
        [401, await h.send({ method: 'GET', path: images, headers, signature: '0'.repeat(64) })],
        [404, await h.send({ method: 'GET', path: `${images}/999`, headers })],
        [404, await h.send({ method: 'GET', path: `${pathPrefix}/nothing`, headers })],
        [405, await h.send({ method: 'DELETE', path: images, headers })],
        [400, await h.send({ method: 'GET', path: `${images}/${'9'.repeat(200)}`, headers })],
        [400, await h.send({ method: 'GET', path: `${images}/%zz`, headers })],
      ] as const;
      for (const [status, answer] of answers) {
        assert.equal(answer.status, status);
        assert.deepEqual(corsHeaders(answer.headers), forAnswers(from), String(status));
        assert.equal(answer.headers.vary, 'origin');
      }
    }
  });

  it('may ask before it calls, and learns what it may send', async (t) => {
    const h = await startHarness(t, { reconcile: false, corsOrigins: [origin] });
    const answer = await h.service.app.inject({
      method: 'OPTIONS',
      url: `${images}/install`,
      headers: asking(origin),
    });
    assert.deepEqual([answer.statusCode, answer.body], [204, '']);
    assert.deepEqual(corsHeaders(answer.headers), {
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers':
        'authorization, content-type, idempotency-key, silversmith-extensions, range, last-event-id, x-request-id',
      'access-control-max-age': '600',
    });
  });

  it('gets nothing when its origin is not exactly one that is named, and by default', async (t) => {
    const none = await startHarness(t, { reconcile: false });
    const one = await startHarness(t, { reconcile: false, corsOrigins: [origin] });
    const similar = [
      ...['null', '', '*', 'http://console.example', 'https://console.example:8443'],
      ...['https://console.example.evil.example', 'https://evil-console.example'],
      ...['https://CONSOLE.example', `${origin}/`, `${origin},${other}`],
    ];
    for (const [h, origins] of [
      [none, [origin, ...similar]],
      [one, similar],
    ] as const)
      for (const from of origins) {
        const answer = await h.send({ method: 'GET', path: images, headers: { origin: from } });
        assert.deepEqual([answer.status, corsHeaders(answer.headers)], [200, {}], from);
        const asked = await h.service.app.inject({
          method: 'OPTIONS',
          url: images,
          headers: asking(from),
        });
        assert.deepEqual(corsHeaders(asked.headers), {}, from);
      }
  });

  it('never gets the pages of links, the metrics, or what needs no signature', async (t) => {
    const h = await startHarness(t, { reconcile: false, corsOrigins: [origin] });
    const paths = [
      '/access/token',
      '/metrics',
      '/',
      '/healthz',
      '/readyz',
      '/openapi.json',
      '/docs',
    ];
    for (const path of [...paths, `${pathPrefix}/../../metrics`]) {
      for (const method of ['GET', 'OPTIONS'] as const) {
        const { headers } = await h.service.app.inject({
          method,
          url: path,
          headers: asking(origin),
        });
        assert.deepEqual(corsHeaders(headers), {}, `${method} ${path}`);
      }
    }
  });
});

describe('the setting of origins', () => {
  it('takes exact origins, and refuses all else', () => {
    const parse = (corsOrigin: string) => parseConfig({ corsOrigin }, {}).corsOrigins;
    assert.deepEqual(parseConfig({}, {}).corsOrigins, []);
    assert.deepEqual(parse(`${origin}, ${other}`), [origin, other]);
    for (const wrong of [
      ...['*', 'null', 'console.example', `${origin}/`, `${origin}/path`, 'https://*.example'],
      ...['https://console.example:443', 'https://Console.example', 'ftp://host', `${origin},`, ''],
      Array.from({ length: 21 }, (_, port) => `http://host:${port + 1}`).join(),
    ])
      assert.throws(() => parse(wrong), /exact origins/, wrong);
  });
});
