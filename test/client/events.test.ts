// The client listens to events: over breaks, to the end of a build, and until it is told to stop.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { follow, type Gap, listen } from '../../src/client/events.ts';
import { Frames } from '../../src/client/frames.ts';
import type { FleetEvent } from '../../src/client/types.ts';
import { httpLimits } from '../../src/http/hygiene.ts';
import { hearing } from '../http/event-reader.ts';
import type { Harness } from '../http/harness.ts';
import { eventsOf } from '../http/told.ts';
import { defer, waitFor } from '../support.ts';
import { envelope, json, scripted } from './scripted.ts';

async function listening(t: Parameters<typeof hearing>[0]) {
  const { h, port } = await hearing(t);
  const options = { url: `http://127.0.0.1:${port}`, ...h.keys.ours };
  const install = async () => (await h.call('imageInstall')).body.id as string;
  return { h, options, install };
}

/** Waits until a server has so many streams: fetch keeps connections that it does not use. */
const streams = ({ service }: Harness, count: number) =>
  waitFor(
    `${count} streams are open`,
    () => service.app.server.maxConnections === httpLimits.connections + count,
  );

/** Collects what an iteration yields, until it is told to stop. */
function collect<Event>(events: AsyncIterable<Event>) {
  const got: Event[] = [];
  const done = (async () => {
    for await (const event of events) got.push(event);
  })();
  // A test that expects no failure waits for none.
  done.catch(() => {});
  return { got, done };
}

const subjectOf = (event: FleetEvent | Gap) => (event.type === 'gap' ? 'gap' : event.subject.id);

describe('the client that listens to events', () => {
  it('goes on after a connection that broke, and gets each event once', async (t) => {
    const { h, options, install } = await listening(t);
    const stop = new AbortController();
    // A client that is left listening keeps the process.
    defer(t, () => stop.abort());
    const breaks: number[] = [];
    // Without an event to begin after, one that comes before the server listens too is not heard.
    await install();
    const [before] = await eventsOf(h.store);
    const { got, done } = collect(
      listen(options, {
        lastEventId: String(before?.id),
        signal: stop.signal,
        onBreak: (_, ms) => breaks.push(ms),
      }),
    );
    await streams(h, 1);
    const ids = [await install()];
    await waitFor('the first event', () => got.length === 1);
    h.service.app.server.closeAllConnections();
    ids.push(await install(), await install());
    await waitFor('those of the break', () => got.length === 3);
    assert.deepEqual(got.map(subjectOf), ids);
    assert.ok(breaks.length >= 1 && breaks.every((ms) => ms > 0));
    const why = new Error('enough');
    stop.abort(why);
    await assert.rejects(done, why);
    await streams(h, 0);
  });

  it('begins after a given event, hears what the filter names, and closes when it is left', async (t) => {
    const { h, options, install } = await listening(t);
    const [one = 0, machine = 0] = h.machines;
    await h.call('machineStart', { params: { id: one } });
    const [first] = await eventsOf(h.store);
    await install();
    await h.call('machineStart', { params: { id: machine } });
    const filters = { noun: 'machine' };
    for await (const event of listen(options, { lastEventId: String(first?.id), filters })) {
      assert.deepEqual([event.type, subjectOf(event)], ['machine.changed', String(machine)]);
      break;
    }
    await streams(h, 0);
  });

  it('is told that events are lost, and goes on', async (t) => {
    const { h, options, install } = await listening(t);
    for (const _ of [1, 2, 3]) await install();
    await h.store.write(h.ours, (work) => work.events.pruneBeyond(1));
    const got: (FleetEvent | Gap)[] = [];
    for await (const event of listen(options, { lastEventId: '0' }))
      if (got.push(event) === 2) break;
    assert.deepEqual(
      got.map(({ type }) => type),
      ['gap', 'image.changed'],
    );
  });

  it('throws what the server refuses, at first and later', async (t) => {
    const { h, options } = await listening(t);
    const next = (given: object) => listen({ ...options, ...given }).next();
    await assert.rejects(next(h.keys.powerless), { name: 'ApiError', code: 'permission_required' });
    await assert.rejects(next({ url: 'http://127.0.0.1:1' }), { name: 'NoAnswerError' });
    await assert.rejects(listen(options, { lastEventId: 'x' }).next(), { code: 'invalid' });
  });

  it('follows a build to its end, with what it prints', async (t) => {
    const { h, options } = await listening(t);
    const body = { software_ids: [h.editor.id, h.broken.id] };
    const { id } = (await h.call('imageInstall', { body })).body;
    const { got, done } = collect(follow(options, Number(id)));
    await streams(h, 1);
    await h.service.reconciler.settle();
    await done;
    const lines = got.flatMap((event) => ('lines' in event ? (event.lines ?? []) : []));
    assert.deepEqual(lines, ['simulated: Editor', 'simulated: Broken sim-fail-build']);
    assert.deepEqual(got.at(-1), { type: 'end', status: 'failed' });
  });
});

describe('a stream that the client reads', () => {
  const head = { 'content-type': 'text/event-stream' };

  it('may be cut anywhere, also within a character', async (t) => {
    const text =
      ': here\nid: 7\n\nid: 8\r\nevent: image.log\r\ndata: {"lines":["naïve €"]}\r\n\r\n';
    const { options } = await scripted(t, (response) => {
      response.writeHead(200, head);
      const bytes = Buffer.from(text);
      const next = (at: number) => {
        if (at < bytes.length) response.write(bytes.subarray(at, at + 1), () => next(at + 1));
      };
      next(0);
    });
    const events = listen(options);
    assert.deepEqual((await events.next()).value, { lines: ['naïve €'] });
    await events.return();
  });

  it('goes on with the last id that it had, and waits as long as a refusal asks', async (t) => {
    const { options, requests } = await scripted(
      t,
      (response) => {
        response.writeHead(200, head);
        response.end('retry: 1\n\nid: 5\nevent: image.changed\ndata: {"n":1}\n\nid: 6\n\n');
      },
      json(429, envelope(429), { 'retry-after': '0' }),
      (response) => {
        response.writeHead(200, head);
        response.write('id: 9\nevent: image.changed\ndata: {"n":2}\n\n');
      },
    );
    const events = listen(options);
    const both = [(await events.next()).value, (await events.next()).value];
    assert.deepEqual(both, [{ n: 1 }, { n: 2 }]);
    assert.deepEqual(
      requests.map(({ headers }) => headers['last-event-id']),
      [undefined, '6', '6'],
    );
    await events.return();
  });

  it('is asked for again at a bounded pace, whatever wait the server asks for', async (t) => {
    const begins: Parameters<typeof scripted>[1] = (response) => {
      response.writeHead(200, head);
      response.end('retry: 0\n\n');
    };
    const refusals = ['999999999', 'Fri, 31 Dec 9999 23:59:59 GMT'].map((after) =>
      json(429, envelope(429), { 'retry-after': after }),
    );
    for (const [answers, leastMs] of [
      [[begins], 200],
      ...refusals.map((refusal) => [[begins, refusal], 60_000] as const),
    ] as const) {
      const { options, requests } = await scripted(t, ...answers);
      const stop = new AbortController();
      const waits: number[] = [];
      const onBreak = (_: unknown, againInMs: number) => {
        if (waits.push(againInMs) === answers.length) stop.abort();
      };
      await assert.rejects(listen(options, { signal: stop.signal, onBreak }).next());
      const [last = 0] = waits.slice(-1);
      assert.ok(last >= leastMs && last <= 3600_000, `it waits ${waits} ms`);
      assert.equal(requests.length, answers.length);
    }
  });

  it('takes time in proportion to its bytes, however small its pieces are', () => {
    const text = `data: ${JSON.stringify({ lines: ['x'.repeat(1_000_000)] })}\n\n`;
    const bytes = new TextEncoder().encode(text);
    const frames = new Frames();
    const begun = process.cpuUsage();
    let found = 0;
    for (let at = 0; at < bytes.length; at += 20)
      found += [...frames.push(bytes.subarray(at, at + 20))].length;
    const tookMs = process.cpuUsage(begun).user / 1000;
    assert.equal(found, 1);
    assert.ok(tookMs < 3000, `it took ${tookMs} ms`);
  });

  it('is refused when it is none', async (t) => {
    const page = await scripted(t, (response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>');
    });
    await assert.rejects(listen(page.options).next(), { name: 'NoAnswerError', why: 'foreign' });
    const noise = await scripted(t, (response) => {
      response.writeHead(200, head);
      response.end('data: {\n\n');
    });
    await assert.rejects(listen(noise.options).next(), { name: 'NoAnswerError', why: 'foreign' });
  });
});
