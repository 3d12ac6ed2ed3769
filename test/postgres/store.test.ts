// The store's contract on PostgreSQL.

import { after, before } from 'node:test';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { testStore } from '../contract/store.ts';
import { defer, type Scope } from '../support.ts';
import { startPostgres } from './server.ts';

const file: Scope = { after };
defer(file, () => {});
let empty: () => Promise<void>;
let store: Store;
let clock: () => number = Date.now;

before(async () => {
  const server = await startPostgres(file);
  const url = await server.database();
  store = await openPostgres({ url, now: () => clock() });
  defer(file, () => store.close());
  empty = await server.emptier(file, url);
});

testStore('PostgreSQL', async (_t, now) => {
  // A test takes over the store of the one before, since opening one takes longer.
  await empty();
  clock = now;
  return store;
});
