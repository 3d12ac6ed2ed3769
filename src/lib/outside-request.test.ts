// Tests of requests to addresses that a caller chose.

import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { NoOutsideAnswer, postOutside } from './outside-request.ts';

async function serving(t: TestContext, answer: RequestListener) {
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const post = (more: object = {}) =>
    postOutside({
      url: `http://127.0.0.1:${port}/hook`,
      headers: { 'content-type': 'application/json' },
      body: '{}',
      timeoutMs: 2000,
      allowsInside: true,
      signal: new AbortController().signal,
      ...more,
    });
  return { port, post, asked: () => asked };
}

describe('a request to the outside', () => {
  it('goes to no address of this host, however it is written or named', async (t) => {
    const { port, post, asked } = await serving(t, (_, response) => response.end());
    for (const host of [
      ...['127.0.0.1', 'localhost', '127.1', '0x7f.1', '2130706433', '[::1]', '0.0.0.0'],
      ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '169.254.169.254', '10.0.0.1'],
    ])
      await assert.rejects(post({ url: `http://${host}:${port}/`, allowsInside: false }), {
        constructor: NoOutsideAnswer,
        message: /not one of the public internet/,
      });
    assert.equal(asked(), 0);
    assert.equal(await post(), 200);
    assert.equal(await post({ url: `http://localhost:${port}/` }), 200);
  });

  it('follows no redirection', async (t) => {
    const { post, asked } = await serving(t, (_, response) => {
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    assert.equal(await post(), 307);
    assert.equal(asked(), 1);
  });

  it('ends in its time when the answer does not come, or has no end', async (t) => {
    const silent = await serving(t, () => {});
    await assert.rejects(silent.post({ timeoutMs: 100 }), /no answer within 0.1 s/);
    const slow = await serving(t, (_, response) => void response.write('x'));
    await assert.rejects(slow.post({ timeoutMs: 100 }), /no answer within 0.1 s/);
    const endless = await serving(t, (_, response) => {
      const more = () => {
        while (response.write('x'.repeat(65_536)));
        response.once('drain', more);
      };
      more();
    });
    assert.equal(await endless.post(), 200);
  });

  it('ends with its signal, and names no address of a connection that fails', async (t) => {
    const { post } = await serving(t, () => {});
    const stop = new AbortController();
    const asking = post({ signal: stop.signal });
    stop.abort(new Error('stop'));
    await assert.rejects(asking, /^Error: stop$/);
    await assert.rejects(
      post({ url: 'http://127.0.0.1:1/' }),
      /^Error: the connection failed: ECONNREFUSED$/,
    );
  });
});
