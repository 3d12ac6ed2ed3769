// Requests that are sent again: which, how often, when, and that none is done twice.

import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { ApiError, createClient, NoAnswerError } from '../../src/client/silversmith.ts';
import { listening } from '../http/sockets.ts';
import { defer } from '../support.ts';
import { cut, envelope, json, scripted, silence, softwareAnswer } from './scripted.ts';

const away = json(503, envelope(503));
const html = (status: number) => json(status, ['a page'], { 'content-type': 'text/html' });

const unrefused = (): unknown => assert.fail('it was not refused');

/** Carries bytes to a server, and cuts the first `cuts` connections when an answer comes. */
async function losing(t: TestContext, port: number, cuts: number): Promise<string> {
  let lost = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    near.pipe(far);
    far.on('data', (bytes) => (lost++ < cuts ? near.destroy() : near.write(bytes)));
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(t, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a lost answer', () => {
  it('is asked for again under the same key, signed anew, and the change is done once', async (t) => {
    const { h, port } = await listening(t);
    const calls: string[] = [];
    const client = createClient({
      url: await losing(t, port, 2),
      ...h.keys.ours,
      onCall: ({ authorization }) => calls.push(authorization),
    });
    const image = await client.imageInstall({ name: 'Once' });
    assert.equal(image.attributes.name, 'Once');
    const { images, count } = await client.imageList();
    assert.deepEqual([count, images[0]?.id], [1, image.id]);
  });

  it('has one key for all attempts of a call, and a signature for each', async (t) => {
    const { options, requests } = await scripted(t, cut, away, json(200, envelope(200)));
    const client = createClient(options);
    await client.machineStart({ id: 1 });
    await client.machineStart({ id: 1 });
    await client.machineStart({ id: 1 }, { idempotencyKey: 'mine' });
    const keys = requests.map(({ headers }) => headers['idempotency-key']);
    assert.equal(new Set(keys.slice(0, 3)).size, 1);
    assert.match(keys[0] as string, /^[0-9a-f-]{36}$/);
    assert.equal(new Set(keys).size, 3);
    assert.equal(keys.at(-1), 'mine');
    assert.equal(new Set(requests.map(({ headers }) => headers.authorization)).size, 5);
  });

  it('is not asked for again without a key, nor after a refusal that stays', async (t) => {
    const { options, requests } = await scripted(t, cut);
    const plain = createClient({ ...options, extensions: false });
    await assert.rejects(plain.machineStart({ id: 1 }), { why: 'unreachable' });
    const once = createClient({ ...options, triesMax: 1 });
    await assert.rejects(once.machineStart({ id: 1 }), { why: 'unreachable' });
    assert.equal(requests.length, 2);
    assert.ok(requests.every(({ headers }) => headers['idempotency-key'] === undefined));
    for (const [code, status] of [
      [400, 400],
      [401, 401],
      [4213, 400],
      [409, 409],
      [440, 503],
      [500, 500],
    ] as const) {
      const refusing = await scripted(t, json(status, envelope(code)));
      await assert.rejects(createClient(refusing.options).imageDelete({ id: 1 }), {
        clientCode: code,
      });
      assert.equal(refusing.requests.length, 1, String(code));
    }
  });
});

describe('a server that is away or busy', () => {
  it('is asked a bounded number of times', async (t) => {
    const { options, requests } = await scripted(t, away);
    const client = createClient({ ...options, triesMax: 3 });
    await assert.rejects(client.softwareList(), { code: 'unavailable', status: 503 });
    assert.equal(requests.length, 3);
  });

  it('is waited for as long as it asks, in seconds or to a date, but no longer than half a minute', async (t) => {
    const soon = () => new Date(Date.now() + 1500).toUTCString();
    // A date has whole seconds.
    for (const [say, leastMs] of [
      [() => '1', 990],
      [soon, 300],
    ] as const) {
      const begun = Date.now();
      const given = say();
      const busy = json(429, envelope(429), { 'retry-after': given });
      const { options, requests } = await scripted(t, busy, softwareAnswer);
      await createClient(options).softwareList();
      assert.ok(Date.now() - begun >= leastMs, given);
      assert.equal(requests.length, 2);
    }
    const { options, requests } = await scripted(
      t,
      json(429, envelope(429), { 'retry-after': '31' }),
    );
    await assert.rejects(createClient(options).softwareList(), { retryAfterMs: 31_000 });
    assert.equal(requests.length, 1);
  });

  it('gets a refused change again also without a key, because it was not done', async (t) => {
    const busy = json(429, envelope(429), { 'retry-after': '0' });
    const { options, requests } = await scripted(t, busy, json(200, envelope(200)));
    await createClient({ ...options, extensions: false }).machineStart({ id: 1 });
    assert.equal(requests.length, 2);
  });

  it('is asked again through a proxy that has a page of its own meanwhile', async (t) => {
    const { options, requests } = await scripted(t, html(502), html(504), softwareAnswer);
    await createClient(options).softwareList();
    assert.equal(requests.length, 3);
    const other = await scripted(t, html(404));
    await assert.rejects(createClient(other.options).softwareList(), {
      why: 'foreign',
      status: 404,
    });
    assert.equal(other.requests.length, 1);
  });
});

describe('a call', () => {
  it('ends with the reason of its signal: before it, during it, and between attempts', async (t) => {
    const reason = new Error('enough');
    const gone = AbortSignal.abort(reason);
    const hung = await scripted(t, silence);
    const client = createClient(hung.options);
    await assert.rejects(client.softwareList({}, { signal: gone }), reason);
    const during = new AbortController();
    const waiting = client.softwareList({}, { signal: during.signal });
    setTimeout(() => during.abort(reason), 20);
    await assert.rejects(waiting, reason);
    const later = await scripted(t, json(429, envelope(429), { 'retry-after': '20' }));
    const between = new AbortController();
    const paused = createClient({
      ...later.options,
      onCall: () => setTimeout(() => between.abort(reason), 20),
    }).softwareList({}, { signal: between.signal });
    await assert.rejects(paused, reason);
    assert.equal(later.requests.length, 1);
  });

  it('ends when no answer comes in time, or only half of one', async (t) => {
    const hung = await scripted(t, silence);
    const client = createClient({ ...hung.options, triesMax: 1 });
    const late = { why: 'late', message: 'within 0.05 s' };
    await assert.rejects(client.softwareList({}, { timeoutMs: 50 }), late);
    const half = await scripted(t, (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"software": [');
    });
    const impatient = createClient({ ...half.options, triesMax: 1, timeoutMs: 50 });
    await assert.rejects(impatient.softwareList(), late);
  });

  it('names its refusal by a closed set of codes, with the server’s own message', async (t) => {
    const { options } = await scripted(
      t,
      json(400, envelope(4213, 'It is building.'), { 'x-request-id': 'r-1' }),
      json(400, envelope(4999)),
      json(403, envelope(4710)),
    );
    const client = createClient(options);
    const refusal = async (): Promise<ApiError> =>
      client.imageDelete({ id: 1 }).then(unrefused, (error) => error);
    const building = await refusal();
    assert.ok(building instanceof ApiError);
    assert.deepEqual(
      [building.code, building.message, building.requestId, building.status],
      ['image_building', 'It is building.', 'r-1', 400],
    );
    assert.deepEqual(
      [(await refusal()).code, (await refusal()).code],
      ['unknown', 'permission_required'],
    );
  });

  it('says what caused a failure of the network', async (t) => {
    const server = await scripted(t, cut);
    server.close();
    const client = createClient({ ...server.options, triesMax: 1 });
    const error: unknown = await client.softwareList().then(unrefused, (error) => error);
    assert.ok(error instanceof NoAnswerError);
    assert.match(error.message, /ECONNREFUSED/);
  });
});

describe('a client', () => {
  it('refuses an idempotency key that no header can carry, and sends nothing', async (t) => {
    const { options, requests } = await scripted(t, json(200, envelope(200)));
    const client = createClient(options);
    for (const idempotencyKey of ['', 'a b', 'ключ', 'x'.repeat(129), 'a\nb'])
      await assert.rejects(client.machineStart({ id: 1 }, { idempotencyKey }), TypeError);
    assert.equal(requests.length, 0);
  });

  it('is refused at once when it cannot work', () => {
    const good = { url: 'http://127.0.0.1:1', key: 'key-of-a-test', secret: 'secret' };
    for (const wrong of [
      { url: '127.0.0.1:8080' },
      { url: 'ftp://host' },
      { url: 'http://' },
      { url: 'http://127.0.0.1:1/below' },
      { url: 'http://name:word@127.0.0.1:1' },
      { url: 'http://127.0.0.1:1?query' },
      { key: '' },
      { key: 'a:b' },
      { key: 'schlüssel' },
      { secret: '' },
      { timeoutMs: 0 },
      { timeoutMs: Number.NaN },
      { triesMax: 0 },
      { triesMax: Number.NaN },
      { triesMax: Number.POSITIVE_INFINITY },
    ])
      assert.throws(() => createClient({ ...good, ...wrong }), TypeError, JSON.stringify(wrong));
    assert.ok(createClient({ ...good, url: 'HTTPS://Host.example/' }));
  });
});
