// The store's contract on PostgreSQL.

import { after, before } from 'node:test';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { testStore } from '../contract/store.ts';
import { defer, type Scope } from '../support.ts';
import { type PostgresServer, startPostgres } from './server.ts';

const file: Scope = { after };
defer(file, () => {});
let server: PostgresServer;
let url: string;

before(async () => {
  server = await startPostgres(file);
  url = await server.database();
});

testStore('PostgreSQL', async (t, now) => {
  const store = await openPostgres({ url, now });
  defer(t, () => store.close());
  // A test takes over the tables of the one before, since making them takes longer.
  await server.empty(url);
  return store;
});
