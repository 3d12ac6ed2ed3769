// Several stores on one database: none loses a write of another, and several may make the tables at
// once.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { postgresMigrations } from '../../src/store/postgres/migrate.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { defer, type Scope } from '../support.ts';
import { type PostgresServer, startPostgres } from './server.ts';

const file: Scope = { after };
defer(file, () => {});
let server: PostgresServer;
before(async () => {
  server = await startPostgres(file);
});

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
    let runs = 0;
    const increments = stores.flatMap((store) =>
      Array.from({ length: 20 }, () =>
        store.write('system', async (work) => {
          runs++;
          const { images } = await work.organisations.quotas(id);
          await work.organisations.setQuotas(id, { images: images + 1 });
        }),
      ),
    );
    await Promise.all(increments);
    const after = await first.read('system', (work) => work.organisations.quotas(id));
    assert.equal(after.images, before + 60);
    assert.ok(runs > 60, 'some were run again after a conflict');
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
});
