// GET /events: what a listener hears, how it goes on after its last event, and whose events it
// hears.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitFor } from '../support.ts';
import { type Frame, type Heard, hearing } from './event-reader.ts';
import { eventsOf } from './told.ts';

const short = ({ event, data }: Frame) => `${event} ${data.subject.id}`;
const install = async (h: Awaited<ReturnType<typeof hearing>>['h'], key = h.keys.ours) =>
  (await h.call('imageInstall', {}, key)).body.id as string;
/** Waits until a listener has been told its place, so that it hears what happens next. */
const isOpen = (heard: Heard) => waitFor('the stream is open', () => heard.lastId() !== '');

describe('a stream of events', () => {
  it('has what happens after it was opened, in the form of server-sent events', async (t) => {
    const { h, hear } = await hearing(t);
    await install(h);
    const heard = await hear();
    await isOpen(heard);
    assert.equal(heard.status, 200);
    assert.equal(heard.headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(heard.headers['cache-control'], 'no-store, no-transform');
    assert.ok(heard.headers['x-request-id']);
    assert.equal(heard.headers['x-content-type-options'], 'nosniff');
    assert.match(heard.text(), /^retry: \d{4}\n/);
    const id = await install(h);
    const { id: eventId, event, data } = await heard.until('an event', () => true);
    const [, stored] = await eventsOf(h.store);
    assert.deepEqual([eventId, event], [String(stored?.id), 'image.changed']);
    assert.deepEqual(data, {
      ...{ id: eventId, type: 'image.changed', subject: { type: 'image', id } },
      ...{ created_at: new Date(stored?.createdAt ?? 0).toISOString(), status: 'pending' },
      ...{ operation: 'imageInstall', request_id: stored?.facts.requestId },
    });
  });

  it('goes on after the last event that a listener has, and misses none and repeats none', async (t) => {
    const { h, hear } = await hearing(t);
    const first = await hear();
    await isOpen(first);
    const ids = [await install(h), await install(h)];
    await first.until('the second', ({ data }) => data.subject.id === ids[1]);
    first.close();
    ids.push(await install(h), await install(h));
    const again = await hear({ lastEventId: first.frames[0]?.id ?? '' });
    await again.until('the fourth', ({ data }) => data.subject.id === ids[3]);
    ids.push(await install(h));
    await again.until('the fifth', ({ data }) => data.subject.id === ids[4]);
    assert.deepEqual(
      again.frames.map(({ data }) => data.subject.id),
      ids.slice(1),
    );
  });

  it('tells its place without an event, from which another one goes on', async (t) => {
    const { h, hear } = await hearing(t);
    const heard = await hear({ query: '?noun=machine' });
    await isOpen(heard);
    const lastEventId = heard.lastId();
    heard.close();
    const id = await install(h);
    const again = await hear({ lastEventId });
    assert.equal(short(await again.until('it', () => true)), `image.changed ${id}`);
  });

  it('goes on from the store, when a listener is further behind than the memory', async (t) => {
    const { h, hear } = await hearing(t);
    const machine_ids: number[] = [];
    for (let index = 0; index < 400; index++) machine_ids.push((await h.addMachine(h.ours)).id);
    const image = await install(h);
    await h.service.reconciler.settle();
    const [first] = await eventsOf(h.store);
    const assign = () => h.call('imageAssign', { params: { id: image }, body: { machine_ids } });
    const live = await hear();
    await isOpen(live);
    for (const _ of [1, 2]) assert.equal((await assign()).status, 200);
    const late = await hear({ lastEventId: String(first?.id) });
    assert.equal((await assign()).status, 200);
    const all = (await eventsOf(h.store)).slice(1).map(({ id }) => String(id));
    for (const [heard, expected] of [
      [late, all],
      [live, all.slice(-1203)],
    ] as const) {
      await waitFor('it has all', () => heard.frames.at(-1)?.id === all.at(-1));
      assert.deepEqual(
        heard.frames.map(({ id }) => id),
        expected,
      );
    }
  });

  it('has the events that the filter names, and refuses a filter that it does not know', async (t) => {
    const { h, hear } = await hearing(t);
    const id = await install(h);
    const [machine = 0] = h.machines;
    const before = '0';
    await h.call('machineStart', { params: { id: machine } });
    await h.service.reconciler.settle();
    const cases = [
      ['?noun=machine', /^machine\./],
      ['?type=image.changed', /^image\.changed /],
      [
        '?noun=image,machine&type=machine.changed,image.progress',
        /^(machine\.changed|image\.progr)/,
      ],
      [`?subject=machine:${machine}`, new RegExp(` ${machine}$`)],
      [`?subject=image:${id},machine:999`, /^image/],
    ] as const;
    const all = (await eventsOf(h.store)).map(({ type, subject }) => `${type} ${subject}`);
    for (const [query, pattern] of cases) {
      const isSubject = query.startsWith('?subject=machine') ? /^machine/ : /./;
      const expected = all.filter((one) => pattern.test(one) && isSubject.test(one));
      const heard = await hear({ query, lastEventId: before });
      await waitFor(query, () => heard.frames.length === expected.length);
      assert.deepEqual(heard.frames.map(short), expected, query);
    }
    for (const [query, message] of [
      ['?noun=teapot', /it may have: image, machine/],
      ['?type=image.exploded', /it may have: image\.changed/],
      ['?subject=5', /image:5/],
      ['?noun=image&type=machine.changed', /exclude each other/],
      ['?noun=image&subject=machine:7', /exclude each other/],
      ['?subject=image:1:2', /image:5/],
      ['?subject=image:1,', /image:5/],
      [`?subject=${Array.from({ length: 101 }, (_, n) => `image:${n}`)}`, /the most is 100/],
    ] as const) {
      const { status, body } = await h.send({
        ...{ method: 'GET', path: '/organization-management/v1/events', query },
      });
      assert.equal(status, 400, query);
      assert.match(body.message, message);
    }
  });

  it('has no event of another organisation, and tells nothing of how many there are', async (t) => {
    const { h, hear } = await hearing(t);
    const own = await hear({ as: h.keys.theirs });
    await isOpen(own);
    const place = own.lastId();
    for (const _ of [1, 2, 3]) await install(h);
    const again = await hear({ as: h.keys.theirs, lastEventId: '0' });
    await isOpen(again);
    const id = await install(h, h.keys.theirs);
    for (const heard of [own, again]) {
      await heard.until('its own', () => true);
      assert.deepEqual(heard.frames.map(short), [`image.changed ${id}`]);
    }
    assert.deepEqual([place, again.text().match(/id: (\d+)/)?.[1]], ['0', '0']);
  });

  it('has only what the key may read', async (t) => {
    const { h, hear } = await hearing(t);
    const as = await h.makeKey(h.ours, ['machines:read']);
    const heard = await hear({ as });
    await isOpen(heard);
    await install(h);
    const [machine = 0] = h.machines;
    await h.call('machineStart', { params: { id: machine } });
    await heard.until('the machine', () => true);
    assert.deepEqual(heard.frames.map(short), [`machine.changed ${machine}`]);
    const named = ['?noun=image', '?type=image.log,machine.changed', '?subject=image:1'];
    for (const query of named) {
      const refused = await hear({ as, query });
      assert.equal(refused.status, 403);
      await waitFor('the answer', () => refused.isOver());
      assert.match(refused.text(), /needs the permission images:read/);
    }
  });

  it('begins with a gap for an id from before what is kept, and for one that was never given', async (t) => {
    const { h, hear } = await hearing(t);
    for (const _ of [1, 2, 3]) await install(h);
    const [first, second, third] = await eventsOf(h.store);
    await h.store.write(h.ours, (work) => work.events.pruneBeyond(1));
    const changed = `image.changed ${third?.id}`;
    for (const [lastEventId, expected] of [
      ['0', [`gap ${second?.id}`, changed]],
      [String(first?.id), [`gap ${second?.id}`, changed]],
      [String(second?.id), [changed]],
      ['999999', [`gap ${third?.id}`]],
    ] as const) {
      const heard = await hear({ lastEventId });
      await waitFor(`the answer to ${lastEventId}`, () => heard.frames.length === expected.length);
      assert.deepEqual(
        heard.frames.map(({ event, id }) => `${event} ${id}`),
        expected,
      );
      if (expected[0] !== changed) assert.match(heard.frames[0]?.data.message, /read again/);
    }
    // A listener that comes again after a gap is not told of it again.
    const again = await hear({ lastEventId: String(second?.id) });
    await again.until('the third', () => true);
    assert.equal(again.frames[0]?.event, 'image.changed');
  });

  it('refuses garbage as the last id, and a body', async (t) => {
    const { h, hear } = await hearing(t);
    for (const lastEventId of ['x', '-1', '1.5', '1'.repeat(16), '1, 2', '0x1']) {
      const refused = await hear({ lastEventId });
      assert.equal(refused.status, 400, lastEventId);
      await waitFor('the answer', () => refused.isOver());
      assert.match(refused.text(), /Last-Event-ID must be the id of an event/);
    }
    const withBody = await hear({ body: '{"noun":"image"}' });
    assert.equal(withBody.status, 400);
    assert.equal((await hear({ as: h.keys.powerless })).status, 403);
  });

  it('is not opened by HEAD, which has the headers alone', async (t) => {
    const { hear } = await hearing(t);
    const heard = await hear({ method: 'HEAD' });
    assert.equal(heard.status, 200);
    assert.equal(heard.headers['content-type'], 'text/event-stream; charset=utf-8');
    await waitFor('it is over', () => heard.isOver());
    assert.equal(heard.text(), '');
  });
});
