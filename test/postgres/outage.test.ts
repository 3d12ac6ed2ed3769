// The promises of the store on PostgreSQL when the database goes away: nothing acknowledged is
// lost, nothing is said to be undone that may be done, and the store recovers by itself.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { holdServing } from '../../src/store/postgres/serving.ts';
import { defer, type Scope, waitFor } from '../support.ts';
import { add, opened } from './opened.ts';
import { relayTo } from './proxy.ts';
import { type PostgresServer, startPostgres } from './server.ts';

let server: PostgresServer;

const namesIn = async (url: string) =>
  (await server.query('select name from organisation order by id', url)).map(({ name }) => name);
const unavailable = { code: 'unavailable', retry: 'later' };

describe('an outage of the database', () => {
  const suite: Scope = { after };
  defer(suite, () => {});
  before(async () => {
    server = await startPostgres(suite, ['fsync=on', 'synchronous_commit=on']);
  });

  it('loses nothing that was acknowledged, when the database crashes under writers', async (t) => {
    const url = await server.databaseWithTables();
    const store = await opened(t, url);
    const acknowledged: string[] = [];
    const fails: unknown[] = [];
    const writer = async (own: string) => {
      for (let n = 0; fails.length === 0 && n < 10_000; n++)
        await add(store, `${own}-${n}`).then(
          () => acknowledged.push(`${own}-${n}`),
          (error) => fails.push(error),
        );
    };
    const writers = ['a', 'b', 'c'].map(writer);
    await waitFor('many writes are acknowledged', () => acknowledged.length > 200);
    await server.stop('immediate');
    await Promise.all(writers);
    assert.ok(fails.length > 0);
    for (const error of fails) await assert.rejects(() => Promise.reject(error), unavailable);
    await server.start();
    const kept = new Set(await namesIn(url));
    assert.deepEqual(
      acknowledged.filter((name) => !kept.has(name)),
      [],
    );
    // The same store goes on, though each of its connections was broken.
    await Promise.all(Array.from({ length: 30 }, (_, n) => add(store, `after-${n}`)));
    await store.check();
  });

  it('is answered with an error that may be retried, and is over by itself', async (t) => {
    const url = await server.databaseWithTables();
    const store = await opened(t, url);
    await add(store, 'one');
    await server.stop('fast');
    for (const failing of [
      add(store, 'two'),
      store.read('system', (work) => work.organisations.list()),
      store.check(),
      openPostgres({ url }),
    ])
      await assert.rejects(failing, { ...unavailable, message: /cannot be reached.*Try again/ });
    await server.start();
    await add(store, 'three');
    assert.deepEqual(await namesIn(url), ['one', 'three']);
  });

  it('does not show when only the unused connections of the pool broke', async (t) => {
    const url = await server.databaseWithTables();
    const store = await opened(t, url);
    await Promise.all(Array.from({ length: 10 }, (_, n) => add(store, `before-${n}`)));
    const others = 'select pg_terminate_backend(pid) from pg_stat_activity where datname = ';
    await server.query(`${others}'${new URL(url).pathname.slice(1)}' and pid <> pg_backend_pid()`);
    await waitFor('a write is done again', () =>
      add(store, 'after').then(
        () => true,
        () => false,
      ),
    );
    await store.read('system', (work) => work.organisations.list());
  });

  it('is said to leave a write in doubt when the connection breaks at its commit', async (t) => {
    const url = await server.databaseWithTables();
    const relay = await relayTo(t, url);
    const store = await opened(t, relay.url);
    for (const when of ['before commit', 'after commit'] as const) {
      relay.breakAt(when);
      await assert.rejects(add(store, when), {
        ...unavailable,
        message: /may have been done or not.*Idempotency-Key/,
      });
      relay.breakAt(null);
    }
    await waitFor('the write that the server has seen is there', async () =>
      (await namesIn(url)).includes('after commit'),
    );
    assert.deepEqual(await namesIn(url), ['after commit']);
    await add(store, 'next');
  });

  it('ends by itself when connections are lost and nobody was told', async (t) => {
    const relay = await relayTo(t, await server.databaseWithTables());
    const store = await openPostgres({ url: relay.url, statementMostMs: 100 });
    defer(t, () => store.close());
    const all = () =>
      Promise.allSettled(Array.from({ length: 20 }, (_, number) => add(store, `${number}`)));
    await all();
    relay.goSilent();
    for (const one of await all())
      if (one.status === 'rejected') assert.equal(one.reason.code, 'unavailable', `${one.reason}`);
    await waitFor('new connections are made', () => add(store, 'after').then(Boolean, () => false));
    const use = { keyId: 'key' as never, signature: 'one', signedAt: store.clock.now() + 1000 };
    assert.deepEqual(await store.signatures?.use({ ...use, expiresAt: use.signedAt }), {
      is: 'new',
    });
  });

  it('does not end the claim of a server to serve', async (t) => {
    const url = await server.databaseWithTables();
    const serving = await holdServing(url);
    defer(t, () => serving.release());
    const claims = async () =>
      (
        await server.query(
          `select 1 from pg_locks join pg_database on pg_database.oid = database
            where datname = '${new URL(url).pathname.slice(1)}' and locktype = 'advisory'`,
        )
      ).length;
    assert.equal(await claims(), 1);
    await server.stop('immediate');
    await server.start();
    await waitFor('it claims again', async () => (await claims()) === 1);
  });
});
