// The streams of events as connections: slow listeners, limits, heartbeats, and their ends.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { keyRevoke } from '../../src/app/operator/key.ts';
import type { ImageId, KeyId } from '../../src/domain/ids.ts';
import { streamLimits } from '../../src/http/event-listener.ts';
import { httpLimits } from '../../src/http/hygiene.ts';
import { operatorOn } from '../operator.ts';
import { waitFor } from '../support.ts';
import { type Heard, hearing } from './event-reader.ts';
import { connected } from './sockets.ts';

const usual = { ...streamLimits };

function limited(t: TestContext, limits: Partial<typeof streamLimits>) {
  Object.assign(streamLimits, limits);
  t.after(() => void Object.assign(streamLimits, usual));
}

const isOpen = (heard: Heard) => waitFor('the stream is open', () => heard.lastId() !== '');
const isOver = (heard: Heard) => waitFor('the stream is over', () => heard.isOver());

describe('a listener that reads slowly', () => {
  it('costs bounded memory, and gets everything when it reads again, on the same connection or the next', async (t) => {
    const { h, hear } = await hearing(t);
    const sockets: Socket[] = [];
    h.service.app.server.on('connection', (socket) => sockets.push(socket));
    const { body } = await h.call('imageInstall');
    const stalled = await hear({ query: '?type=image.log' });
    const slow = await hear({ query: '?type=image.log' });
    for (const heard of [slow, stalled]) {
      await isOpen(heard);
      heard.pause();
    }
    const lines = ['x'.repeat(8000)];
    const [events, written] = [1500, 50];
    for (let index = 0; index < events; index += written)
      await h.store.write(h.ours, async (work) => {
        for (let n = index; n < index + written; n++)
          await work.events.addLog(body.attributes.id as ImageId, { position: n, lines });
      });
    for (const socket of sockets)
      assert.ok(socket.writableLength < 2 * 1024 ** 2, `${socket.writableLength} bytes wait`);
    slow.resume();
    await waitFor('it has everything', () => slow.frames.length === events, 60_000, 200);
    assert.deepEqual(
      slow.frames.map(({ data }) => data.position),
      [...Array(events).keys()],
    );
    h.service.app.server.closeIdleConnections();
    // Like every peer that does not read, it loses its connection when nothing has moved for long.
    for (const socket of sockets) socket.setTimeout(200);
    await connected(h, 0);
    stalled.resume();
    await isOver(stalled);
    assert.ok(stalled.frames.length < events);
    const rest = await hear({ query: '?type=image.log', lastEventId: stalled.lastId() });
    await waitFor(
      'it has the rest',
      () => rest.frames.length === events - stalled.frames.length,
      60_000,
      200,
    );
    assert.equal(rest.frames[0]?.data.position, stalled.frames.length);
  });
});

describe('the streams of a server', () => {
  it('are limited for each key and for all, and one that ends makes room', async (t) => {
    limited(t, { ofKey: 2, ofServer: 3 });
    const { h, hear } = await hearing(t);
    const [first] = [await hear(), await hear()];
    const refused = async (message: RegExp, as = h.keys.ours) => {
      const heard = await hear({ as });
      await isOver(heard);
      assert.deepEqual([heard.status, heard.headers['retry-after']], [429, '10']);
      assert.match(heard.text(), message);
    };
    await refused(/^.*This key has 2 streams of events open/);
    assert.equal((await hear({ as: h.keys.theirs })).status, 200);
    await refused(/This server has 3 streams/, await h.makeKey(h.ours));
    assert.equal(h.service.app.server.maxConnections, httpLimits.connections + 3);
    first?.close();
    await waitFor('there is room', async () => (await hear()).status === 200, 60_000, 100);
  });

  it('have a heartbeat that moves their place, also past events that they do not hear', async (t) => {
    limited(t, { heartbeatMs: 50, checkMs: 20 });
    const { h, hear } = await hearing(t);
    const heard = await hear({ query: '?noun=machine' });
    await isOpen(heard);
    const before = heard.lastId();
    await waitFor('a heartbeat', () => heard.comments() > 2);
    await h.call('imageInstall');
    await waitFor('its place has moved', () => Number(heard.lastId()) > Number(before));
    assert.deepEqual(heard.frames, []);
  });

  it('end when their key is revoked or expires, and others go on', async (t) => {
    limited(t, { checkMs: 20 });
    const { h, hear } = await hearing(t);
    const keys = [await h.makeKey(h.ours), await h.makeKey(h.ours)];
    const [revoked, expired] = [await hear({ as: keys[0] }), await hear({ as: keys[1] })];
    const other = await hear();
    for (const heard of [revoked, expired, other]) await isOpen(heard);
    await keyRevoke(operatorOn(h.store), keys[0]?.key as KeyId);
    await h.store.write('system', (work) =>
      work.keys.expire(keys[1]?.key as KeyId, work.now() + 100),
    );
    for (const heard of [revoked, expired]) {
      await isOver(heard);
      const [end] = heard.frames;
      assert.deepEqual([end?.event, end?.data.reason], ['end', 'the key is not in use any more']);
    }
    await h.call('imageInstall');
    await other.until('an event', () => true);
  });

  it('end when the server stops, which does not wait for them', async (t) => {
    const { h, hear } = await hearing(t);
    const all = [await hear(), await hear({ as: h.keys.theirs })];
    for (const heard of all) await isOpen(heard);
    // No connection is broken, which a server does at last with those that do not end.
    const { drainMs } = httpLimits;
    t.after(() => void Object.assign(httpLimits, { drainMs }));
    Object.assign(httpLimits, { drainMs: 3600_000 });
    await h.service.app.close();
    for (const heard of all) {
      await isOver(heard);
      assert.equal(heard.frames.at(-1)?.data.reason, 'the server stops');
    }
  });

  it('hear what another process writes to the same store', async (t) => {
    const { h, hear } = await hearing(t, {
      // As another process does, it does not wake this one.
      wrapStore: (store) => ({ ...store, onEvents: () => () => {} }),
    });
    const heard = await hear();
    await isOpen(heard);
    await h.call('imageInstall');
    await heard.until('the event', () => true);
  });

  it('read the store once for all that listen', async (t) => {
    let statements: string[] = [];
    const { h, hear } = await hearing(t, { onQuery: (sql) => statements.push(sql) });
    const all = await Promise.all(Array.from({ length: 20 }, () => hear()));
    for (const heard of all) await isOpen(heard);
    statements = [];
    await h.call('imageInstall');
    for (const heard of all) await heard.until('an event', () => true);
    const reads = statements.filter((sql) => /^select .* from "event"/.test(sql));
    assert.ok(reads.length <= 2, `${reads.length} reads`);
  });
});
