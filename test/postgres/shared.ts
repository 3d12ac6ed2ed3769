// One PostgreSQL for all test files of a process, since starting one takes seconds. Each test has a
// database of its own in it. A test that stops its PostgreSQL, or needs other settings, starts one.

import { after } from 'node:test';
import { defer, type Scope } from '../support.ts';
import { type PostgresServer, startPostgres } from './server.ts';

const allFiles: Scope = { after };
let server: Promise<PostgresServer> | undefined;

/**
 * Returns the PostgreSQL of this process, which ends after its last test. A file calls this while
 * it is loaded, because a hook cannot be added later.
 */
export function sharedPostgres(): Promise<PostgresServer> {
  if (server === undefined) defer(allFiles, () => {});
  server ??= startPostgres(allFiles);
  return server;
}
