// What every answer owes, looked at over real sockets where that matters: headers, ids, methods,
// limits, and a stop that loses nobody.

import assert from 'node:assert/strict';
import { type AddressInfo, connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { baseAdd } from '../../src/app/operator/base.ts';
import { machineTypeAdd } from '../../src/app/operator/machine-type.ts';
import { pathPrefix } from '../../src/contract/envelope.ts';
import { operations } from '../../src/contract/table.ts';
import type { Engine } from '../../src/engine/port.ts';
import { httpLimits } from '../../src/http/hygiene.ts';
import { metricsServer } from '../../src/http/metrics.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { operatorOn } from '../operator.ts';
import { waitFor } from '../support.ts';
import { startHarness } from './harness.ts';

async function listening(t: TestContext) {
  const h = await startHarness(t, { reconcile: false });
  await h.service.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = h.service.app.server.address() as AddressInfo;
  /** Sends bytes as they are; resolves to all that came back when the connection ends. */
  const raw = (...parts: string[]) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      let said = '';
      socket.on('data', (chunk) => {
        said += chunk.toString();
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(said));
      for (const part of parts) socket.write(part);
    });
  return { h, port, raw };
}

const envelopeOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));

describe('/readyz', () => {
  it('is a write to the store and a look at the engine, made once for everybody who asks within two seconds', async (t) => {
    let [looks, failing] = [0, false];
    const counted = (engine: Engine): Engine => ({ ...engine, check: async () => void looks++ });
    const wrapStore = (store: Store): Store => ({
      ...store,
      write: async (scope, work) => {
        if (failing) throw new Error('EIO');
        return store.write(scope, work);
      },
    });
    const h = await startHarness(t, { reconcile: false, wrapEngine: counted, wrapStore });
    const ask = () => h.send({ method: 'GET', path: '/readyz' });
    const answers = await Promise.all(Array.from({ length: 20 }, ask));
    assert.deepEqual([answers.filter(({ status }) => status === 200).length, looks], [20, 1]);
    failing = true;
    assert.equal((await ask()).status, 200);
    const sick = await waitFor('it is asked anew', async () => {
      const answer = await ask();
      return answer.status !== 200 && answer;
    });
    assert.deepEqual([sick.status, looks], [503, 2]);
    assert.match(sick.body.message, /the log says why/);
  });
});

describe('the page at /', () => {
  it('says what this is and where the rest is, without a script or a style, and takes GET alone', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { statusCode, headers, body } = await h.service.app.inject({ method: 'GET', url: '/' });
    assert.equal(statusCode, 200);
    assert.match(String(headers['content-type']), /^text\/html/);
    assert.equal(headers['content-security-policy'], "default-src 'none';frame-ancestors 'none'");
    for (const path of ['/docs', '/openapi.json', '/healthz', '/readyz']) {
      assert.ok(body.includes(`href="${path}"`), path);
      assert.ok((await h.service.app.inject({ method: 'GET', url: path })).statusCode < 400, path);
    }
    assert.doesNotMatch(body, /<script|<style|style=|src=/);
    const posted = await h.send({ method: 'POST', path: '/' });
    assert.deepEqual([posted.status, posted.headers.allow], [405, 'GET, HEAD, OPTIONS']);
  });
});

describe('every answer', () => {
  it('bears security headers and a request id, names no product, and opens nothing to pages elsewhere', async (t) => {
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

  it("bears the caller's own request id when it is plain, and the audit trail has it", async (t) => {
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
  it('says which methods it takes, to OPTIONS and when another is used', async (t) => {
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
    const get = await h.send({ method: 'GET', path });
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
  it('is the same as without, for every operation; the signature is over the path as it was sent', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    for (const { method, path } of Object.values(operations)) {
      const plain = pathPrefix + path.replaceAll(/\{\w+\}/g, '1');
      const [without, slash] = [
        await h.send({ method, path: plain }),
        await h.send({ method, path: `${plain}/` }),
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

describe('a number in a path or a query', () => {
  it('is decimal digits without leading zeros, and nothing else', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const image = (await h.call('imageInstall', {})).body.id;
    assert.equal(image, '1');
    const wrong = [
      '0x1',
      '1e0',
      '1%0a',
      '01',
      '+1',
      '1.0',
      '%201',
      '1%20',
      '1_0',
      '0b1',
      '١',
      '0',
      '-1',
      '1,',
      '',
    ];
    for (const id of wrong.map((one) =>
      /[^\x21-\x7e]/.test(one) ? encodeURIComponent(one) : one,
    )) {
      for (const [method, path] of [
        ['GET', `/images/${id}`],
        ['DELETE', `/images/${id}`],
        ['POST', `/machines/${id}/reset`],
        ['GET', `/machines/${id}/disks`],
        ['POST', `/images/${id}/export`],
      ] as const) {
        const { status } = await h.send({ method, path: pathPrefix + path });
        assert.ok(
          status === 400 || status === 404 || (id === '' && status < 500),
          `${method} ${path}: ${status}`,
        );
      }
    }
    assert.equal(
      (await h.call('imageGet', { params: { id: image } })).body.attributes.status,
      'pending',
    );
    const part = (offset: string) =>
      h.send({
        method: 'POST',
        path: `${pathPrefix}/transfers/abc/parts/${offset}`,
        body: 'bytes',
      });
    for (const offset of ['00', '0x0', '1e3', '-0', '%200', '1%0a'])
      assert.equal((await part(offset)).status, 400, offset);
    assert.equal((await part('0')).status, 404);
    for (const page of ['0x1', '1e0', '1%0a', '01', '%201', ''])
      assert.equal((await h.call('imageList', { query: `?page=${page}` })).status, 400, page);
  });
});

describe('a text that is shown to others', () => {
  it('is refused when it is not shown as it is, wherever a caller gives one', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const manifest = JSON.stringify({
      ...{
        version: 1,
        name: 'a\u202eb',
        sha256: '0'.repeat(64),
        virtualBytes: 1,
        base: null,
        software: [],
      },
      head: { layerId: 'a' },
    });
    const asked: [Parameters<typeof h.call>[0], (text: string) => unknown, number?][] = [
      ['imageInstall', (name) => ({ name })],
      ['imageCapture', (name) => ({ name, machine_id: 1 })],
      ['imageImport', (name) => ({ name, size_bytes: 5 })],
      ['machineCreate', (region) => ({ region, plan_id: h.machineType.id })],
      ['machineStart', (region) => ({ region })],
    ];
    for (const [name, body] of asked) {
      for (const text of [
        'a\nb',
        'a\u202eb',
        'a\u200bb',
        ' a',
        'a ',
        '\ud800',
        '\u2066',
        '\u001b[31m',
        '\u00a0',
      ]) {
        const answer = await h.call(name, { params: { id: 1 }, body: body(text) });
        assert.deepEqual(
          [answer.status, answer.body.client_code],
          [400, 400],
          `${name} ${JSON.stringify(text)}`,
        );
        assert.match(
          answer.body.message,
          /control or invisible character, or a space at its beginning or end; remove it/,
        );
      }
      const fine = await h.call(name, { params: { id: 1 }, body: body('👩🏽‍💻 می‌خواهم') });
      assert.doesNotMatch(fine.body.message, /invisible/, name);
    }
    const answer = await h.call('imageImport', { body: { size_bytes: 5, manifest } });
    assert.match(answer.body.message, /manifest's name holds the character U\+202E/);
    const { store, engine } = h;
    const type = { code: 's', cpus: 1, memoryMb: 1, diskSizeGb: 1 };
    await assert.rejects(
      machineTypeAdd(operatorOn(store), { name: 'a\u200bb', ...type }),
      /The name holds the character U\+200B/,
    );
    const base = { name: 'b ', files: { disk: '/dev/null' }, boot: { mode: 'firmware' } } as const;
    await assert.rejects(
      baseAdd(operatorOn(store), engine, base),
      /The name begins or ends with a space/,
    );
  });
});

describe('what Node cannot read as a request', () => {
  it('is refused in the envelope: headers that are too large, and bytes that are no HTTP', async (t) => {
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

  it('is refused in the envelope when its headers do not come to their end', {
    timeout: 40_000,
  }, async (t) => {
    const { h, raw } = await listening(t);
    // The limit is Node's own; the test only makes it shorter.
    h.service.app.server.headersTimeout = 300;
    const slow = await raw(`POST ${pathPrefix}/images HTTP/1.1\r\nhost: a\r\n`);
    assert.match(envelopeOf(slow).message, /headers did not come to their end/);
  });
});

describe('a peer that does not read', () => {
  const connected = (h: Awaited<ReturnType<typeof listening>>['h'], expected: number) =>
    waitFor(
      `${expected} are connected`,
      () =>
        new Promise<boolean>((resolve) =>
          h.service.app.server.getConnections((_, count) => resolve(count === expected)),
        ),
    );

  it('its answers is hung up on', async (t) => {
    const { h, port } = await listening(t);
    assert.equal(h.service.app.server.timeout, httpLimits.silenceMs);
    h.service.app.server.setTimeout(300);
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    t.after(() => socket.destroy());
    socket.write('GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(100));
    await connected(h, 1);
    await connected(h, 0);
  });

  it('its refusal is hung up on', async (t) => {
    const { h, port } = await listening(t);
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    t.after(() => socket.destroy());
    socket.write('this is not HTTP\r\n\r\n');
    await connected(h, 1);
    await connected(h, 0);
  });

  it('is hung up on where /metrics is answered alone, too', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const { server } = metricsServer(h.service.metrics);
    assert.deepEqual(
      [server.timeout, server.headersTimeout],
      [httpLimits.silenceMs, httpLimits.headersMs],
    );
  });
});

describe('a server that stops', () => {
  it('answers what it has begun, and takes nothing new', async (t) => {
    const { h, port } = await listening(t);
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    let said = '';
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    const head = `POST ${pathPrefix}/images HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n`;
    await new Promise<void>((resolve) => socket.write(head, () => resolve()));
    await waitFor(
      'the request has begun',
      () =>
        new Promise<boolean>((resolve) =>
          h.service.app.server.getConnections((_, count) => resolve(count === 1)),
        ),
    );
    await systemClock.sleep(20);
    const closed = h.service.app.close();
    await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`));
    socket.write('{}');
    await closed;
    await waitFor('the answer is there', () => said.includes('client_code'));
    assert.equal(envelopeOf(said).client_code, 401);
  });
});

describe('a key', () => {
  it('that sends too much is told how long to wait, and others are not held up', async (t) => {
    const h = await startHarness(t, { reconcile: false, requestsPerSecond: 2 });
    const statuses = [];
    for (let sent = 0; sent < 6; sent++) statuses.push((await h.call('softwareList')).status);
    assert.deepEqual(statuses.slice(0, 4), [200, 200, 200, 200]);
    const refused = await h.call('softwareList');
    assert.deepEqual(
      [refused.status, refused.body.client_code, refused.headers['retry-after']],
      [429, 429, '1'],
    );
    assert.match(refused.body.message, /more than 2 requests a second/);
    assert.equal((await h.call('softwareList', {}, h.keys.theirs)).status, 200);
    // Without a signature nothing is taken from the key's bucket.
    const unsigned = await h.send({
      method: 'GET',
      path: `${pathPrefix}/software`,
      signature: '0'.repeat(64),
    });
    assert.equal(unsigned.status, 401);
  });
});

describe('the reference', () => {
  it('is served at /docs with all it needs, under a policy that lets it load nothing from elsewhere', async (t) => {
    const { service } = await startHarness(t, { reconcile: false });
    const page = await service.app.inject({ url: '/docs/', method: 'GET' });
    assert.equal(page.statusCode, 200);
    const policy = String(page.headers['content-security-policy']);
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /https?:\/\/(?!validator)/);
    const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      (match) => match[1] ?? '',
    );
    assert.ok(assets.length > 3);
    for (const asset of assets) {
      assert.doesNotMatch(asset, /^(https?:)?\/\//);
      assert.equal(
        (
          await service.app.inject({
            url: new URL(asset, 'http://a/docs/').pathname,
            method: 'GET',
          })
        ).statusCode,
        200,
        asset,
      );
    }
    const document = await service.app.inject({ url: '/docs/json', method: 'GET' });
    assert.equal(document.json().info.title, 'Silversmith');
  });
});
