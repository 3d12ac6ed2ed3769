// Bodies over real sockets: the header is checked before the body is read, the body is limited, and
// a caller that sends the whole body before it reads still gets the answer.

import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { transferPartBytesMax } from '../../src/contract/transfer.ts';
import { bodyLimits } from '../../src/http/body.ts';
import { waitFor } from '../support.ts';
import type { Key } from './requests.ts';
import { listening } from './sockets.ts';

const part = `${pathPrefix}/transfers/abc/parts/0`;

const install = `${pathPrefix}/images/install`;

const nobody: Key = { key: 'nobodys-key', secret: 'guessed' };

async function receiving(t: TestContext) {
  const { h, port, open } = await listening(t);
  const authorization = ({ key, secret }: Key, path: string, body: Buffer, at = Date.now()) => {
    const nonce = randomUUID();
    const signature = createHmac('sha256', secret)
      .update(`${key}POST${path}${at}${nonce}`)
      .update(body)
      .digest('hex');
    return `HMAC ${key}:${signature}:${nonce}:${at}`;
  };
  return { h, port, open, authorization };
}

const usual = { ...bodyLimits };

/** Changes limits for the length of the test. */
function limited(t: TestContext, limits: Partial<typeof bodyLimits>) {
  Object.assign(bodyLimits, limits);
  t.after(() => void Object.assign(bodyLimits, usual));
}

const headOf = (path: string, headers: Record<string, string | number>) =>
  `POST ${path} HTTP/1.1\r\nhost: a\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;

/** Resolves to the answer, once all of it has come. */
async function answered(socket: Socket) {
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk.toString();
  });
  return waitFor('the answer is there', () => {
    const [head = '', body] = said.split('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (body === undefined || !(body.length >= length)) return null;
    return { status: Number(head.split(' ')[1]), head, body: JSON.parse(body) };
  });
}

describe('a request whose header is enough to refuse it', () => {
  it('is refused before its body comes: no header, a wrong form, a wrong clock, a nonce that does not tell where bytes begin', async (t) => {
    const { h, open, authorization } = await receiving(t);
    limited(t, { lingerIdleMs: 50 });
    const none = Buffer.alloc(0);
    const right = authorization(h.keys.ours, part, none);
    const headers: [string | null, RegExp][] = [
      [null, /missing/],
      ['Bearer x', /malformed/],
      [authorization(h.keys.ours, part, none, Date.now() - 400_000), /clock/],
      [right.replace(/:[\w-]{36}:/, ':1234567:'), /nonce has 7 characters/],
    ];
    for (const [header, message] of headers) {
      const socket = open();
      socket.write(
        headOf(part, {
          'content-length': transferPartBytesMax,
          ...(header !== null && { authorization: header }),
        }),
      );
      const { status, body } = await answered(socket);
      assert.deepEqual([status, body.client_code], [401, 401]);
      assert.match(body.message, message);
    }
  });

  it('is refused only after its body, and in the same words, for an unknown key and for a wrong signature', async (t) => {
    const { h, port, open, authorization } = await receiving(t);
    const answers = [];
    for (const key of [nobody, { ...h.keys.ours, secret: 'wrong' }]) {
      const socket = open();
      const body = Buffer.from('{}');
      let early = false;
      socket.once('data', () => {
        early = true;
      });
      socket.write(
        headOf(install, { 'content-length': 2, authorization: authorization(key, install, body) }),
      );
      // An answer that did not wait for the body would arrive before these bytes.
      for (const _ of [1, 2, 3]) await (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
      assert.equal(early, false);
      socket.write(body);
      const { status, body: answer } = await answered(socket);
      answers.push([status, answer.message]);
    }
    assert.equal(answers[0]?.[0], 401);
    assert.deepEqual(answers[0], answers[1]);
  });
});

describe('bodies', () => {
  it('are kept in memory only for keys in use, and only up to the limit of all bodies together', async (t) => {
    const { h, open, authorization } = await receiving(t);
    limited(t, { heldBytesMax: 3000 });
    const body = Buffer.alloc(4000, 'x');
    const send = async (key: Key) => {
      const socket = open();
      socket.write(
        headOf(part, {
          'content-length': body.length,
          authorization: authorization(key, part, body),
        }),
      );
      socket.write(body);
      return answered(socket);
    };
    assert.equal((await send(nobody)).status, 401);
    const full = await send(h.keys.ours);
    assert.deepEqual([full.status, /retry-after: 1/.test(full.head)], [503, true]);
    // The memory is free again when the request is answered.
    limited(t, { heldBytesMax: 4500 });
    for (const _ of [1, 2, 3]) assert.equal((await send(h.keys.ours)).status, 404);
  });

  it('that stop or are too slow are given up; a body that keeps moving has no time limit', async (t) => {
    const { h, open, authorization } = await receiving(t);
    limited(t, { idleMs: 1500, checkMs: 10, lingerIdleMs: 50 });
    const body = Buffer.from(`{"name":"${'x'.repeat(30)}"}`);
    const begin = () => {
      const socket = open();
      const signed = authorization(h.keys.ours, install, body);
      socket.write(headOf(install, { 'content-length': body.length, authorization: signed }));
      return socket;
    };
    const still = await answered(begin());
    assert.deepEqual([still.status, still.body.client_code], [408, 408]);
    assert.match(still.body.message, /nothing of it came for 1.5 s/);

    const moving = begin();
    const begun = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
      if (sent < body.length) moving.write(body.subarray(sent, ++sent));
    }, 50);
    t.after(() => clearInterval(timer));
    const whole = await answered(moving);
    assert.deepEqual([whole.status, performance.now() - begun > 1500], [200, true]);

    limited(t, { idleMs: 60_000, graceMs: 100, bytesPerSecondMin: 1_000_000 });
    const slow = begin();
    slow.write(body.subarray(0, 1));
    const late = await answered(slow);
    assert.equal(late.status, 408);
    assert.match(late.body.message, /fewer than 1000000 bytes a second/);
  });
});

describe('a caller that sends a whole body before it reads the answer', () => {
  /**
   * Reads nothing before everything is written, as urllib does, and fails as urllib would when the
   * connection breaks.
   */
  async function sendsAll(socket: Socket, head: string, pieces: Iterable<Buffer>) {
    let broken: Error | null = null;
    socket.on('error', (error) => {
      broken = error;
    });
    socket.pause();
    const write = (bytes: string | Buffer) =>
      new Promise<void>((resolve, reject) =>
        socket.write(bytes, (error) => (error ? reject(error) : resolve())),
      );
    await write(head);
    for (const piece of pieces) await write(piece);
    socket.resume();
    const answer = await answered(socket);
    assert.equal(broken, null);
    return answer;
  }
  const pieces = (bytes: number, size = 64 * 1024) =>
    Array.from({ length: bytes / size }, () => Buffer.alloc(size, 'x'));

  it('gets the answer, for a body over the limit and for a body that the operation does not take', async (t) => {
    const { h, open, authorization } = await receiving(t);
    const none = Buffer.alloc(0);
    const megabyte = 1024 ** 2;
    const cases: [string, number, string | null, number, RegExp][] = [
      [
        install,
        2 * megabyte,
        authorization(h.keys.ours, install, none),
        413,
        /has 2097152 bytes; the most is 1048576 bytes/,
      ],
      [
        part,
        6 * megabyte,
        authorization(h.keys.ours, part, none),
        413,
        /has 6291456 bytes; the most is 4194304 bytes/,
      ],
      [install, 8 * megabyte, null, 401, /missing/],
      [part, 4 * megabyte, authorization(nobody, part, none), 401, /key or the signature is wrong/],
      [`${pathPrefix}/nothing`, 8 * megabyte, null, 404, /nothing at/],
      ['/healthz', 8 * megabyte, null, 405, /not for this path/],
    ];
    for (const [path, bytes, signed, status, message] of cases) {
      for (const connection of ['close', 'keep-alive']) {
        const headers = {
          'content-length': bytes,
          connection,
          ...(signed !== null && { authorization: signed }),
        };
        const answer = await sendsAll(open(), headOf(path, headers), pieces(bytes));
        assert.deepEqual([answer.status, answer.body.client_code], [status, status], path);
        assert.match(answer.body.message, message);
      }
    }
    const chunk = Buffer.concat([
      Buffer.from('100000\r\n'),
      Buffer.alloc(megabyte, 'x'),
      Buffer.from('\r\n'),
    ]);
    const chunked = headOf(install, {
      'transfer-encoding': 'chunked',
      authorization: authorization(h.keys.ours, install, none),
    });
    const answer = await sendsAll(open(), chunked, [chunk, chunk, Buffer.from('0\r\n\r\n')]);
    assert.equal(answer.status, 413);
    assert.match(answer.body.message, /more than 1048576 bytes; the most is 1048576/);
  });

  it('loses the connection when the rest of the body takes too long or is too much', async (t) => {
    const { open } = await receiving(t);
    const begin = () => {
      const socket = open();
      socket.write(headOf(install, { 'content-length': 1e9 }));
      return socket;
    };
    limited(t, { lingerIdleMs: 100 });
    const still = begin();
    const closed = new Promise((resolve) => still.once('close', resolve));
    assert.equal((await answered(still)).status, 401);
    await closed;
    limited(t, { lingerIdleMs: 60_000, lingerBytesMax: 1024 ** 2 });
    const much = begin();
    const timer = setInterval(() => much.write(Buffer.alloc(256 * 1024)), 5);
    t.after(() => clearInterval(timer));
    await waitFor('it is hung up on', () => much.destroyed || much.closed);
  });
});
