// Connections over real sockets: bytes that are not a request, peers that do not read, the limit on
// connections, and a stop that answers the requests that have begun.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { httpLimits } from '../../src/http/hygiene.ts';
import { metricsServer } from '../../src/http/metrics.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { waitFor } from '../support.ts';
import { startHarness } from './harness.ts';
import { connected, envelopeOf, listening } from './sockets.ts';

describe('input that Node cannot read as a request', () => {
  it('is refused in the envelope, whether its headers are too large or its bytes are not HTTP', async (t) => {
    const { raw } = await listening(t);
    const large = await raw(
      `GET /healthz HTTP/1.1\r\nhost: a\r\nx-large: ${'x'.repeat(httpLimits.headerBytes)}\r\n\r\n`,
    );
    assert.match(large, /^HTTP\/1.1 400 /);
    assert.equal(envelopeOf(large).client_code, 400);
    assert.match(envelopeOf(large).message, /headers are larger than 16384 bytes/);
    for (const [head, message] of [
      ['GET /healthz HTTP/1.1\r\n\r\n', /Host header is missing/],
      ['GET /healthz HTTP/1.1\r\nhost: a\r\nexpect: tea\r\n\r\n', /expectation tea/],
      [
        `GET /${'x'.repeat(httpLimits.headerBytes)} HTTP/1.1\r\nhost: a\r\n\r\n`,
        /headers are larger/,
      ],
      ['GET /%zz HTTP/1.1\r\nhost: a\r\n\r\n', /cannot be read/],
      [
        'POST /healthz HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n',
        /not an HTTP request/,
      ],
      [
        'POST /healthz HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
        /not an HTTP/,
      ],
      ['GET /healthz HTTP/9.9\r\nhost: a\r\n\r\n', /not an HTTP request/],
    ] as const) {
      const answer = await raw(head.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'));
      assert.match(answer, /^HTTP\/1.1 400 /, head);
      assert.deepEqual(
        [envelopeOf(answer).client_code, message.test(envelopeOf(answer).message)],
        [400, true],
        answer,
      );
    }
    const noise = await raw('\u0000\u0001 what\r\n\r\n');
    assert.match(envelopeOf(noise).message, /not an HTTP request/);
  });

  it('is refused in the envelope when its headers have no end', {
    timeout: 300_000,
  }, async (t) => {
    const { h, raw } = await listening(t);
    // The limit is Node's own; the test only makes it shorter.
    h.service.app.server.headersTimeout = 300;
    const slow = await raw(`POST ${pathPrefix}/images HTTP/1.1\r\nhost: a\r\n`);
    assert.match(envelopeOf(slow).message, /headers did not come to their end/);
  });
});

describe('a peer that does not read', () => {
  it('loses its connection while the server has answers to send', async (t) => {
    const { h, port } = await listening(t);
    assert.equal(h.service.app.server.timeout, httpLimits.silenceMs);
    h.service.app.server.setTimeout(300);
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    t.after(() => socket.destroy());
    const arrived = once(h.service.app.server, 'connection');
    socket.write('GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(100));
    await arrived;
    await connected(h, 0);
  });

  it('loses its connection after a refusal', async (t) => {
    const { h, port } = await listening(t);
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    t.after(() => socket.destroy());
    socket.write('this is not HTTP\r\n\r\n');
    await connected(h, 1);
    await connected(h, 0);
  });

  it('loses its connection also at the server of /metrics', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { server } = metricsServer(h.service.metrics);
    assert.deepEqual(
      [server.timeout, server.headersTimeout],
      [httpLimits.silenceMs, httpLimits.headersMs],
    );
  });
});

describe('a server that stops', () => {
  it('answers the requests that have begun, and takes no new ones', async (t) => {
    const { h, port } = await listening(t);
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    let said = '';
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    const head = `POST ${pathPrefix}/images HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n`;
    await new Promise<void>((resolve) => socket.write(head, () => resolve()));
    await connected(h, 1);
    await systemClock.sleep(20);
    const closed = h.service.app.close();
    await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
    socket.write('{}');
    await closed;
    await waitFor('the answer is there', () => said.includes('client_code'));
    assert.equal(envelopeOf(said).client_code, 401);
  });
});

describe('connections', () => {
  it('beyond the limit are closed, and the others are served', async (t) => {
    const { h, port, open } = await listening(t);
    assert.equal(h.service.app.server.maxConnections, httpLimits.connections);
    h.service.app.server.maxConnections = 3;
    const sockets = Array.from({ length: 6 }, open);
    await waitFor(
      'three are hung up on',
      () => sockets.filter((socket) => socket.closed).length === 3,
    );
    for (const socket of sockets) socket.destroy();
    await waitFor('there is room again', async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => null);
      return answer?.status === 200;
    });
  });
});
