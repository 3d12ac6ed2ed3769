// Runs the tests of test/http, or those that are named, on PostgreSQL instead of SQLite. By hand:
// node test/postgres/http.ts [FILE …]
//
// Tests that look into SQLite's file, or into the journal of signatures beside it, fail here: some
// of audit, backup, image-import, many, replay and search.

import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { template } from '../http/store.ts';
import type { Scope } from '../support.ts';
import { startPostgres } from './server.ts';

const cleanups: (() => Promise<void>)[] = [];
const whole: Scope = { after: (cleanup) => void cleanups.push(cleanup) };

async function main(named: readonly string[]): Promise<number> {
  const folder = new URL('../http/', import.meta.url).pathname;
  const all = (await readdir(folder)).filter((name) => name.endsWith('.test.ts'));
  const files = named.length > 0 ? named : all.map((name) => `${folder}${name}`);
  const server = await startPostgres(whole);
  await server.query(`create database ${template} template = template0`);
  await (await openPostgres({ url: server.url(template) })).close();
  // What a store has written when it was opened belongs to that store.
  await server.query('delete from read_signature', server.url(template));
  const options = ['--test', '--test-concurrency=1', '--test-timeout=120000'];
  const child = spawn(process.execPath, [...options, ...files], {
    stdio: 'inherit',
    env: { ...process.env, SILVERSMITH_TEST_POSTGRES: server.url() },
  });
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}

process.exitCode = await main(process.argv.slice(2)).finally(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});
