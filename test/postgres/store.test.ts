// The store's contract on PostgreSQL.

import { after, before, describe } from 'node:test';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { testStore } from '../contract/store.ts';
import { defer, type Scope } from '../support.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

describe('the contract of the store', () => {
  const suite: Scope = { after };
  defer(suite, () => {});
  let empty: () => Promise<void>;
  let store: Store;
  let clock: () => number = Date.now;

  before(async () => {
    const url = await server.databaseWithTables();
    store = await openPostgres({ url, now: () => clock() });
    defer(suite, () => store.close());
    empty = await server.emptier(suite, url);
  });

  testStore('PostgreSQL', async (_t, now) => {
    // A test takes over the store of the one before, since opening one takes longer.
    await empty();
    clock = now;
    return store;
  });
});
