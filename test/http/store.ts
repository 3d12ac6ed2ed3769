// The store of the tests in this folder: SQLite in the data directory; or PostgreSQL when they are
// run by test/postgres/http.ts, which names its server in the environment.

import { createHash } from 'node:crypto';
import pg from 'pg';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { putMigratedStore } from '../migrated.ts';
import { defer, type Scope } from '../support.ts';

interface Options {
  dataDir: string;
  now: () => number;
  onQuery?: (sql: string) => void;
}

/** The database that each new one is a copy of. */
export const template = 'template_http';

/** Opens the store of a data directory, a new one or that of an earlier server. */
export async function openStore(t: Scope, options: Options): Promise<Store> {
  const { SILVERSMITH_TEST_POSTGRES: server } = process.env;
  if (server === undefined) {
    await putMigratedStore(options.dataDir);
    return openSqlite(options);
  }
  const { dataDir, ...rest } = options;
  const name = `http_${createHash('sha256').update(dataDir).digest('hex').slice(0, 20)}`;
  await ensureDatabase(t, server, name);
  const url = new URL(server);
  url.pathname = name;
  return openPostgres({ url: url.href, ...rest });
}

async function ensureDatabase(t: Scope, server: string, name: string): Promise<void> {
  const run = async (statement: string) => {
    const client = new pg.Client({ connectionString: server });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  };
  try {
    await run(`create database ${name} template ${template}`);
  } catch (error) {
    const duplicate = '42P04';
    if ((error as { code?: string }).code === duplicate) return;
    throw error;
  }
  defer(t, () => run(`drop database ${name} with (force)`));
}
