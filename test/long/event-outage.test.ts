// The database goes away under streams of events and under webhooks: nothing is lost, and nothing
// comes twice.

import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { listen } from '../../src/client/events.ts';
import type { ImageId } from '../../src/domain/ids.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { startHarness } from '../http/harness.ts';
import { receiver } from '../http/receiver.ts';
import { type PostgresServer, startPostgres } from '../postgres/server.ts';
import { defer, type Scope, waitFor } from '../support.ts';

const file: Scope = { after };
defer(file, () => {});
let server: PostgresServer;
before(async () => {
  server = await startPostgres(file, ['fsync=on', 'synchronous_commit=on']);
});

/** A stack on a database that is stopped and started again while events are written. */
async function started(t: Scope) {
  const url = await server.databaseWithTables();
  const h = await startHarness(t, {
    openStore: () => openPostgres({ url }),
    settings: { webhooksMayAskInside: true },
  });
  await h.service.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = h.service.app.server.address() as AddressInfo;
  const image: number = (await h.call('imageInstall', { body: { software_ids: [] } })).body.id;
  await h.imageSettled(image);
  /** Writes events until one write was acknowledged; others may be in doubt. */
  const write = (times: number) =>
    waitFor(
      'an event is written',
      () =>
        h.store
          .write(h.ours, async (work) => {
            for (let n = 0; n < times; n++)
              await work.events.add('changed', { imageIds: [image as ImageId] });
          })
          .then(
            () => true,
            () => false,
          ),
      120_000,
    );
  /** Stops and starts the database again and again, with events before, while and after it. */
  const disturb = async () => {
    for (const how of ['immediate', 'fast'] as const) {
      await write(5);
      const meanwhile = write(3);
      await server.stop(how);
      await server.start();
      await meanwhile;
      await write(2);
    }
  };
  /** The ids of all events after one, as the database has them. */
  const idsAfter = async (id: number) => {
    await h.store.publishEvents();
    const all = await h.store.read(h.ours, (work) => work.events.after(id, 10_000));
    return all.map((event) => event.id);
  };
  const newest = async () => {
    await h.store.publishEvents();
    return h.store.read(h.ours, (work) => work.events.newest());
  };
  return { h, port, write, disturb, idsAfter, newest };
}

describe('a database that goes away under streams of events and under a webhook', () => {
  it('loses no event, and none comes twice', async (t) => {
    const { h, port, write, disturb, idsAfter, newest } = await started(t);
    const { key, secret } = h.keys.ours;
    const url = `http://127.0.0.1:${port}`;
    const from = await newest();
    const to = await receiver(t);
    const body = { url: to.url(), types: ['image.changed'] };
    assert.equal((await h.call('webhookCreate', { body })).status, 200);
    const stop = new AbortController();
    defer(t, () => stop.abort(new Error('the test is over')));
    const begin = () => {
      const [heard, gaps]: [number[], string[]] = [[], []];
      const events = listen({ url, key, secret }, { lastEventId: `${from}`, signal: stop.signal });
      const over = (async () => {
        for await (const event of events)
          if (event.type === 'gap') gaps.push(event.message);
          else heard.push(Number(event.id));
      })().catch((error: unknown) => {
        if (!stop.signal.aborted) throw error;
      });
      return { heard, gaps, over };
    };
    const listeners = [begin(), begin(), begin()];
    await write(1);
    for (const { heard } of listeners) await waitFor('it listens', () => heard.length > 0, 60_000);
    await disturb();
    const all = await idsAfter(from);
    assert.ok(all.length >= 1 + 2 * 7);
    for (const { heard, gaps } of listeners) {
      await waitFor('it has the last event', () => heard.includes(all.at(-1) ?? 0), 120_000);
      assert.deepEqual(heard, all);
      assert.deepEqual(gaps, []);
    }
    stop.abort(new Error('the test is over'));
    await Promise.all(listeners.map(({ over }) => over));
    // A delivery whose answer was lost comes again, under the same id.
    const told = () => {
      const byId = new Map(to.arrived.map((one) => [one.headers['webhook-id'], one]));
      return [...byId.values()].map((one) => Number(JSON.parse(one.body).data.id));
    };
    await waitFor('the last event is told', () => told().includes(all.at(-1) ?? 0), 120_000);
    assert.deepEqual(told(), all);
  });
});
