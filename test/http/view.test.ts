// The screen and the console of a machine, over the websockets that a used link gives.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTo } from 'node:net';
import { describe, it } from 'node:test';
import type { ClientOptions } from 'ws';
import type { Engine } from '../../src/engine/port/engine.ts';
import { viewerLimits } from '../../src/http/viewer.ts';
import { viewsOf } from '../../src/server/views.ts';
import { movableClock, type Scope, waitFor } from '../support.ts';
import { type Harness, startHarness } from './harness.ts';
import { connect } from './viewer.ts';

type Given = Parameters<typeof startHarness>[1];

/** A server with a ready machine, and functions that look at it. */
async function shown(t: Scope, options: Given = {}) {
  const h = await startHarness(t, options);
  const base = (await h.service.app.listen({ host: '127.0.0.1', port: 0 })).replace('http', 'ws');
  const [id = 0] = h.machines;
  await h.call('machineStart', { params: { id } });
  await h.machineIs(id, 'ready');
  /** Makes a link and uses it up; returns the secret for its views. */
  const open = async (body: object = {}, key = h.keys.ours) => {
    const { attributes } = (await h.call('machineAccess', { params: { id }, body }, key)).body;
    const url = new URL(attributes.connection_link).pathname;
    const answer = await h.service.app.inject({ method: 'POST', url });
    return answer.json().attributes as { session: string; views: string[] };
  };
  const look = async (kind: string, session?: string, options: ClientOptions = {}) =>
    connect(`${base}/access/${session ?? (await open()).session}/${kind}`, options);
  return { h, id, open, look, base };
}

/** The entries of the trail about views, oldest first. */
async function trail(h: Harness, kind: string) {
  const found = [];
  for (const end of ['opened', 'closed']) {
    const query = `?action_type=machine_${kind}_${end}`;
    const { body } = await h.send({
      method: 'GET',
      path: '/organization-management/v1/user-action-logs',
      query,
      headers: { 'silversmith-extensions': '1' },
    });
    for (const { attributes } of body.logs) found.push({ end, ...attributes });
  }
  return found;
}

describe('the views of a machine', () => {
  it('are its screen and its console, which are recorded with where the viewer came from', async (t) => {
    const { h, id, open, look } = await shown(t);
    const { session, views } = await open();
    assert.deepEqual(views, ['screen', 'console']);
    const screen = await look('screen', session);
    await screen.sees('RFB 003.008');
    screen.socket.send('RFB 003.008\n');
    await waitFor('the handshake goes on', () => screen.bytes().length === 14);
    const console = await look('console', session);
    await console.sees('login: ');
    console.socket.send(Buffer.from('silver\r'));
    await console.sees('Hello silver!');
    for (const view of [screen, console]) await view.leave();
    for (const kind of ['screen', 'console']) {
      const entries = await waitFor('both are recorded', async () => {
        const all = await trail(h, kind);
        return all.length === 2 && all;
      });
      for (const { end, organization_machine_id, metadata } of entries) {
        assert.equal(organization_machine_id, id);
        assert.equal(metadata.address, '127.0.0.1');
        assert.equal(metadata.key, h.keys.ours.key);
        assert.equal(metadata.duration_ms === null, end === 'opened');
      }
    }
  });

  it('share one console, and each sees what was shown before it came', async (t) => {
    let opens = 0;
    const wrapEngine = (engine: Engine): Engine => ({
      ...engine,
      console: {
        read: async () => '',
        open: async (id, call) => {
          opens++;
          return (engine.console as NonNullable<Engine['console']>).open(id, call);
        },
      },
    });
    const { look } = await shown(t, { wrapEngine });
    const first = await look('console');
    first.socket.on('open', () => first.socket.send('one\r'));
    await first.sees('Hello one!');
    const second = await look('console');
    await second.sees('Hello one!');
    second.socket.send('two\r');
    for (const viewer of [first, second]) await viewer.sees('Hello two!');
    await first.leave();
    second.socket.send('three\r');
    await second.sees('Hello three!');
    assert.equal(opens, 1);
    await second.leave();
    // The engine has the console back, and gives it out again.
    const third = await look('console');
    await third.sees('login: ');
    assert.equal(opens, 2);
    await third.leave();
  });

  it('end with the machine, whether it is stopped or its guest powers off', async (t) => {
    const { h, id, look } = await shown(t);
    const views = [await look('screen'), await look('console')];
    await views[0]?.sees('RFB');
    await views[1]?.sees('login');
    await h.call('machineStop', { params: { id } });
    for (const { closed } of views)
      assert.deepEqual(await closed, { code: 4001, reason: 'The machine is off.' });
    await h.machineIs(id, 'off');
    await h.call('machineStart', { params: { id } });
    await h.machineIs(id, 'ready');
    const again = await look('screen');
    await again.sees('RFB');
    await h.engine.powerOff(id as never);
    assert.equal((await again.closed).code, 4001);
  });

  it('end with the time of the link and with the key that made it, and do not come back', async (t) => {
    const { clock, advance } = movableClock();
    const { h, open, look } = await shown(t, { clock });
    const key = await h.makeKey(h.ours);
    const [timed, keyed] = [await open({ expires_in: 60 }), await open({}, key)];
    const views = [await look('screen', timed.session), await look('console', keyed.session)];
    await views[0]?.sees('RFB');
    await views[1]?.sees('login');
    advance(60_000);
    await h.store.write('system', (work) => work.keys.revoke(key.key as never));
    for (const { closed } of views) assert.equal((await closed).code, 4002);
    for (const { session } of [timed, keyed])
      assert.equal(await (await look('screen', session)).refused, 404);
  });

  it('are refused to pages of other origins, to wrong secrets, and beyond the limit', async (t) => {
    const { h, open, look, base } = await shown(t);
    const { session } = await open();
    const from = async (origin: string) => look('screen', session, { origin });
    assert.equal(await (await from('https://evil.example')).refused, 403);
    assert.equal(await (await from('null')).refused, 403);
    const own = await from(base.replace('ws', 'http'));
    await own.sees('RFB');
    const link = (await h.call('machineAccess', { params: { id: h.machines[0] } })).body;
    const token = new URL(link.attributes.connection_link).pathname.split('/').at(-1);
    // The link itself shows nothing before it is used, and its secret is another one.
    for (const wrong of ['guess', token ?? '', `${session}x`, '%2e%2e'])
      assert.equal(await (await look('screen', wrong)).refused, 404, wrong);
    const others = Array.from({ length: viewerLimits.ofMachine - 1 }, () =>
      look('screen', session),
    );
    for (const other of await Promise.all(others)) await other.sees('RFB');
    assert.equal(await (await look('console', session)).refused, 429);
    await own.leave();
    const next = await waitFor('a place is free', async () => {
      const viewer = await look('console', session);
      const won = await Promise.race([viewer.opened().then(() => true), viewer.refused]);
      return won === true && viewer;
    });
    await next.leave();
  });

  it('give their place back when the handshake of a websocket is bad', async (t) => {
    const { open, look, base } = await shown(t);
    const { session } = await open();
    const head = [
      `GET /access/${session}/screen HTTP/1.1`,
      ...['host: a', 'connection: Upgrade', 'upgrade: websocket', 'sec-websocket-version: 1'],
    ].join('\r\n');
    for (let times = 0; times <= viewerLimits.ofMachine; times++) {
      const socket = connectTo(Number(new URL(base).port), '127.0.0.1');
      let said = '';
      socket.on('data', (bytes) => {
        said += bytes;
      });
      socket.write(`${head}\r\n\r\n`);
      await once(socket, 'close');
      assert.match(said, /^HTTP\/1\.1 4(00|26|29) /);
    }
    await waitFor('a view begins', async () => {
      const viewer = await look('screen', session);
      const won = await Promise.race([viewer.opened().then(() => true), viewer.refused]);
      return won === true && viewer.leave().then(() => true);
    });
  });

  it('are told why, where no websocket is asked for', async (t) => {
    const { h, open } = await shown(t);
    const { session } = await open();
    const ask = async (url: string) => (await h.service.app.inject({ method: 'GET', url })).json();
    assert.match((await ask(`/access/${session}/screen`)).message, /with a websocket/);
    assert.match((await ask('/access/guess/screen')).message, /This link was used, is over/);
    const wrong = await h.service.app.inject({ method: 'POST', url: `/access/${session}/screen` });
    assert.deepEqual([wrong.statusCode, wrong.headers.allow], [405, 'GET, HEAD, OPTIONS']);
  });

  it('end when a viewer sends more than fits, and when the server stops', async (t) => {
    const { h, look } = await shown(t);
    const loud = await look('console');
    await loud.sees('login');
    loud.socket.send(Buffer.alloc(viewerLimits.messageBytes + 1));
    assert.equal((await loud.closed).code, 1009);
    const quiet = await look('console');
    await quiet.sees('login');
    await h.service.app.close();
    assert.equal((await quiet.closed).code, 1001);
    assert.equal((await trailIn(h)).length, 4, 'the ends of both are in the trail');
  });

  it('are refused with the reason where the engine or this server does not have them', async (t) => {
    const wrapEngine = (engine: Engine): Engine => {
      const { screen: _, ...rest } = engine;
      return rest as Engine;
    };
    const { open, look } = await shown(t, { wrapEngine });
    assert.deepEqual((await open()).views, ['console']);
    const { code, reason } = await (await look('screen')).closed;
    assert.equal(code, 4005);
    assert.match(reason, /gives its machines no screens/);
    const elsewhere = viewsOf(() => null);
    assert.deepEqual(elsewhere.kinds(), ['screen', 'console']);
    await assert.rejects(elsewhere.open('screen', 1 as never), /^AppError: Another server has/);
    await assert.rejects(elsewhere.picture(1 as never), { code: 'unavailable' });
  });
});

/** The rows of the trail about consoles, read from the store, for a server that has stopped. */
const trailIn = ({ store, ours }: Harness) =>
  store.read(ours, async (work) => {
    const actions = ['machineConsoleOpen', 'machineConsoleClose'];
    const all = { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100 };
    return (await work.audit.list({ ...all, actions })).entries;
  });

const sizeOf = (png: Buffer) => {
  assert.equal(png.subarray(0, 8).toString('hex'), '89504e470d0a1a0a');
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
};

describe('the picture of a screen', () => {
  it('is a PNG of a ready machine, for its own organisation and who may open it', async (t) => {
    const { h, id } = await shown(t);
    const png = async (machine: number, key = h.keys.ours) => {
      const path = `/organization-management/v1/machines/${machine}/screen.png`;
      return h.sendRaw({ method: 'GET', path }, key);
    };
    const answer = await png(id);
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers['content-type'], 'image/png');
    assert.equal(answer.headers['cache-control'], 'private, no-store');
    assert.deepEqual(sizeOf(answer.rawPayload), [320, 200]);
    const others: [number, ReturnType<typeof png>][] = [
      [404, png(id, h.keys.theirs)],
      [403, png(id, await h.makeKey(h.ours, ['machines:read']))],
      [400, png(h.machines[1] ?? 0)],
      [404, png(999)],
    ];
    for (const [status, other] of others) {
      const { statusCode, headers } = await other;
      assert.equal(statusCode, status);
      assert.match(String(headers['content-type']), /^application\/json/);
    }
  });
});

describe('a request that offers another protocol', () => {
  it('is answered like every other, and its connection stays open', async (t) => {
    const { base } = await shown(t);
    const socket = connectTo(Number(new URL(base).port), '127.0.0.1');
    t.after(() => socket.destroy());
    let said = '';
    socket.on('data', (bytes) => {
      said += bytes;
    });
    const offer = 'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAA';
    for (const times of [1, 2]) {
      socket.write(`GET /healthz HTTP/1.1\r\nhost: a\r\n${offer}\r\n\r\n`);
      await waitFor('it is answered', () => said.split('HTTP/1.1 200 ').length === times + 1);
    }
  });
});
