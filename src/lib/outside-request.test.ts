// Tests of requests to addresses that a caller chose.

import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { waitFor } from '../../test/support.ts';
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

/** A server that answers each connection with bytes of its own. */
async function raw(t: TestContext, answer: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const post = (more: object = {}) =>
    postOutside({
      url: `http://127.0.0.1:${port}/`,
      ...{ headers: {}, body: '{}', timeoutMs: 300, allowsInside: true },
      signal: new AbortController().signal,
      ...more,
    });
  const open = () => sockets.filter((socket) => !socket.destroyed).length;
  const sent = () => sockets.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
  return { post, open, sent };
}

/** Sends a text, and then one byte every few milliseconds. */
const dripping = (head: string) => (socket: Socket) => {
  socket.write(head);
  const timer = setInterval(() => socket.write('x'), 5);
  socket.once('close', () => clearInterval(timer));
};

/** Sends a text, and then as much as the connection takes. */
const flooding =
  (head: string, again = false, more = 'x'.repeat(65_536)) =>
  (socket: Socket) => {
    socket.write(head);
    const go = () => {
      while (!socket.destroyed && socket.write(again ? head : more));
      socket.once('drain', go);
    };
    go();
  };

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

  it('ends in its time and with little in memory, whatever bytes come before an answer, or as one', async (t) => {
    for (const [answer, message] of [
      // Each byte comes alone, so that the connection is never silent.
      [dripping('HTTP/1.1 200 OK\r\nx-long: '), /no answer within 0.3 s/],
      [dripping('HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n'), /no answer within 0.3 s/],
      [flooding('HTTP/1.1 200 OK\r\nx-long: '), /the connection failed: HPE_HEADER_OVERFLOW/],
      [flooding('HTTP/1.1 103 Early Hints\r\n\r\n', true), /no answer within 0.3 s/],
      [flooding('not HTTP at all '), /the connection failed: HPE_INVALID/],
      [(socket: Socket) => void socket.destroy(), /the connection failed/],
    ] as const) {
      const { post } = await raw(t, answer);
      const timeoutMs = message.source.startsWith('no answer') ? 300 : 30_000;
      await assert.rejects(post({ timeoutMs }), { constructor: NoOutsideAnswer, message });
    }
    for (const head of ['content-length: 1073741824', 'transfer-encoding: chunked']) {
      const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
      const server = await raw(t, flooding(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n`, false, chunk));
      assert.equal(await server.post({ timeoutMs: 30_000 }), 200);
      await waitFor('the connection is closed', () => server.open() === 0);
      // What the buffers of both sockets hold, and not the gigabyte.
      assert.ok(server.sent() < 64 * 1024 ** 2, `${server.sent()} bytes`);
    }
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
