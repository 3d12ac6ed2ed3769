// Several stores on one database: none loses a write of another, and several may make the tables at
// once.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ImageId } from '../../src/domain/ids.ts';
import type { Store, Writer } from '../../src/store/port/unit-of-work.ts';
import { postgresMigrations } from '../../src/store/postgres/migrate.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { defer, type Scope, waitFor } from '../support.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

async function threeOn(t: Scope, url: string) {
  const stores = await Promise.all([1, 2, 3].map(() => openPostgres({ url })));
  defer(t, () => Promise.all(stores.map((store) => store.close())));
  return stores;
}

describe('several stores on one database', () => {
  it('all open a new one, though only one of them makes the tables', async (t) => {
    const url = await server.database();
    const stores = await threeOn(t, url);
    for (const store of stores) await store.check();
    assert.equal(
      await server.count(url, 'kysely_migration'),
      Object.keys(postgresMigrations).length,
    );
  });

  it('lose no write of each other that was read first', async (t) => {
    const stores = await threeOn(t, await server.databaseWithTables());
    const [first] = stores;
    assert.ok(first);
    const id = await first.write('system', (work) => work.organisations.ensure('one'));
    const { images: before } = await first.read('system', (work) => work.organisations.quotas(id));
    let [runs, reads] = [0, 0];
    // The first writes wait for each other after their read, so that at least two are in conflict.
    const twoHaveRead = Promise.withResolvers<void>();
    const increment = (store: Store) =>
      store.write('system', async (work) => {
        runs++;
        const { images } = await work.organisations.quotas(id);
        if (++reads === 2) twoHaveRead.resolve();
        await twoHaveRead.promise;
        await work.organisations.setQuotas(id, { images: images + 1 });
      });
    // On a busy machine a write may be refused after many conflicts, and is asked for again.
    const increments = stores.flatMap((store) =>
      Array.from({ length: 20 }, () =>
        waitFor('it is written', () =>
          increment(store).then(
            () => true,
            (error) => {
              if (error.retry !== 'later') throw error;
              return false;
            },
          ),
        ),
      ),
    );
    await Promise.all(increments);
    const after = await first.read('system', (work) => work.organisations.quotas(id));
    assert.equal(after.images, before + 60);
    assert.ok(runs > 60, 'one was run again after a conflict');
    const counted = stores.reduce((sum, store) => sum + store.reruns(), 0);
    assert.ok(counted >= runs - 60, `${counted} runs are counted`);
  });

  it('add the same thing at once, and it is there once', async (t) => {
    const stores = await threeOn(t, await server.databaseWithTables());
    const ids = await Promise.all(
      stores.flatMap((store) =>
        Array.from({ length: 5 }, () =>
          store.write('system', (work) => work.organisations.ensure('same')),
        ),
      ),
    );
    assert.equal(new Set(ids).size, 1);
  });

  it('share the jobs: each is claimed once', async (t) => {
    const stores = await threeOn(t, await server.databaseWithTables());
    const [first] = stores;
    assert.ok(first);
    await first.write('system', async (work) => {
      const organisationId = await work.organisations.ensure('one');
      const jobs = Array.from({ length: 9 }, (_, n) => ({
        ...{ kind: 'layerCompact', organisationId, layerId: `layer-${n}` },
      }));
      await work.jobs.enqueue(jobs as never);
    });
    const open = await first.read('system', (work) => work.jobs.open(10));
    const claims = await Promise.all(
      open.flatMap(({ id }) =>
        stores.map((store, owner) =>
          store.write('system', (work) => work.jobs.claim([id], `server-${owner}`, 60_000)),
        ),
      ),
    );
    const claimed = claims.flat().map(({ id }) => id);
    assert.deepEqual(claimed.sort(), open.map(({ id }) => id).sort());
  });

  it('give a reader each event once, though a transaction is committed after a later one', async (t) => {
    const url = await server.databaseWithTables();
    const [slow, fast, reader] = await threeOn(t, url);
    assert.ok(slow && fast && reader);
    const organisationId = await slow.write('system', (work) => work.organisations.ensure('one'));
    const image = { organisationId, name: null, sizeGb: 1, source: 'seat' as const };
    const add = (work: Writer) => work.images.add({ ...image, baseImageId: null, machineId: null });
    const [first, second] = [await slow.write('system', add), await slow.write('system', add)];
    const seen: string[] = [];
    let last = 0;
    const read = async () => {
      await reader.publishEvents();
      for (const event of await reader.read('system', (work) => work.events.after(last, 100))) {
        assert.ok(event.id > last);
        last = event.id;
        seen.push(event.subject);
      }
    };
    const [began, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const late = slow.write('system', async (work) => {
      await work.events.add('changed', { imageIds: [first.id] });
      began.resolve();
      await mayEnd.promise;
    });
    await began.promise;
    await fast.write('system', (work) => work.events.add('changed', { imageIds: [second.id] }));
    await read();
    assert.deepEqual(seen, [String(second.id)], 'it waits for no open transaction');
    mayEnd.resolve();
    await late;
    await read();
    assert.deepEqual(seen, [String(second.id), String(first.id)]);
  });

  it('give readers on all of them the same events in the same order, while others write', async (t) => {
    const stores = await threeOn(t, await server.databaseWithTables());
    const [first] = stores;
    assert.ok(first);
    const ids = await first.write('system', async (work) => {
      const organisationId = await work.organisations.ensure('one');
      const image = { organisationId, name: null, sizeGb: 1, source: 'seat' as const };
      const added: ImageId[] = [];
      for (let n = 0; n < 60; n++)
        added.push((await work.images.add({ ...image, baseImageId: null, machineId: null })).id);
      return added;
    });
    const lists = stores.map((): number[] => []);
    let isOver = false;
    const readers = stores.map(async (store, index) => {
      const list = lists[index] ?? [];
      for (let after = 0, isLast = false; !isLast; ) {
        isLast = isOver;
        await store.publishEvents();
        const found = await store.read('system', (work) => work.events.after(after, 7));
        if (found.length > 0) isLast = false;
        after = found.at(-1)?.id ?? after;
        list.push(...found.map(({ subject }) => Number(subject)));
      }
    });
    await Promise.all(
      ids.map((id, n) =>
        stores[n % 3]?.write('system', (work) => work.events.add('changed', { imageIds: [id] })),
      ),
    );
    isOver = true;
    await Promise.all(readers);
    assert.deepEqual(
      [...(lists[0] ?? [])].sort((a, b) => a - b),
      ids,
    );
    for (const list of lists) assert.deepEqual(list, lists[0]);
  });

  it('wake each other when one of them has written events', async (t) => {
    const [one, other] = await threeOn(t, await server.databaseWithTables());
    assert.ok(one && other);
    let woken = 0;
    other.onEvents(() => {
      woken++;
    });
    // The other may begin to listen after the first of these.
    await waitFor('the other store is woken', async () => {
      await one.write('system', async (work) => {
        await work.organisations.ensure('one');
        await work.events.addOfHost('host.low');
      });
      return woken > 0;
    });
  });
});
