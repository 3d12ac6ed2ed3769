// A PostgreSQL of Debian's package for a test: an own data directory, an own port on loopback, an
// unprivileged user. It ends with the test, and also when the test's process is killed.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { defer, type Scope, waitFor } from '../support.ts';

const run = promisify(execFile);
const user = 'silversmith';

/** Root may not run PostgreSQL, so the user that Debian's package makes does it. */
const asUser = process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres'] : [];
const unprivileged = asUser.length > 0 ? [...asUser, '--clear-groups'] : ['setpriv'];

async function programs(): Promise<string> {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  const newest = versions.sort((one, other) => Number(one) - Number(other)).at(-1);
  if (newest === undefined)
    throw new Error('PostgreSQL is missing; install it with: apt-get install postgresql');
  return join(root, newest, 'bin');
}

/** After a crash on a busy host it recovers for a while. */
const startMostMs = 120_000;

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/**
 * Deletes the rows of all tables and lets their ids begin at 1, in one round trip. It takes a tenth
 * of the time of truncating them, which makes new files.
 */
const emptying = `do $$ declare name text; begin
  -- Without the checks of references, tables may be emptied in any order.
  set local session_replication_role = replica;
  for name in select tablename from pg_tables
    where schemaname = 'public' and tablename not like 'kysely%'
  loop execute format('delete from %I', name); end loop;
  perform setval(quote_ident(sequencename)::regclass, 1, false) from pg_sequences
    where schemaname = 'public' and last_value is not null;
end $$`;

const nameIn = (url: string) => new URL(url).pathname.slice(1);

export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  readonly #bin: string;
  readonly #options: readonly string[];
  #process: ChildProcess | undefined;
  #databases = 0;
  #template: Promise<void> | undefined;

  constructor(place: { port: number; folder: string; bin: string }, options: readonly string[]) {
    this.port = place.port;
    this.#folder = place.folder;
    this.#bin = place.bin;
    this.#options = options;
  }

  url(database = 'postgres'): string {
    return `postgres://${user}@127.0.0.1:${this.port}/${database}`;
  }

  /** Makes an empty database and returns its URL. */
  async database(): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.query(`create database ${name} template = template0`);
    return this.url(name);
  }

  /**
   * Makes a database with the tables of a store and returns its URL. It is a copy of one in which
   * the migrations ran, since running them takes longer.
   */
  async databaseWithTables(): Promise<string> {
    this.#template ??= this.#makeTemplate();
    await this.#template;
    const name = `test_${++this.#databases}`;
    await this.query(`create database ${name} template = with_tables`);
    return this.url(name);
  }

  async #makeTemplate(): Promise<void> {
    await this.query('create database with_tables template = template0');
    const url = this.url('with_tables');
    await (await openPostgres({ url })).close();
    // What a store remembers from when it was opened is not part of an empty one.
    await this.query('delete from read_signature', url);
  }

  /** Makes a copy of a database that nobody is connected to, and returns its URL. */
  async copy(url: string): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.query(`create database ${name} template = ${nameIn(url)}`);
    return this.url(name);
  }

  /** Removes a database, and ends the connections to it. */
  async drop(url: string): Promise<void> {
    await this.query(`drop database ${nameIn(url)} with (force)`);
  }

  /** Makes a user of the database, who has to give a password. Returns the URL for that user. */
  async user(name: string, password: string, url: string): Promise<string> {
    await this.query(`create role ${name} login password '${password}'`);
    const rules = join(this.#folder, 'data', 'pg_hba.conf');
    const rule = `host all ${name} 127.0.0.1/32 scram-sha-256\n`;
    await writeFile(rules, rule + (await readFile(rules, 'utf8')));
    await this.query('select pg_reload_conf()');
    const own = new URL(url);
    own.username = name;
    own.password = password;
    return own.href;
  }

  /** Returns a function that removes all rows that a store has written into a database. */
  async emptier(t: Scope, url: string): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    defer(t, () => client.end());
    return async () => {
      await client.query(emptying);
    };
  }

  /** Runs a statement in the database of a URL. */
  async query(text: string, url = this.url()): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url });
    // A connection that breaks is an event beside the failure of its query.
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }

  async count(url: string, table: string): Promise<number> {
    return Number((await this.query(`select count(*) as n from "${table}"`, url))[0]?.n);
  }

  async start(): Promise<void> {
    const [command = '', ...before] = [...unprivileged, '--pdeathsig=QUIT'];
    const data = join(this.#folder, 'data');
    const settings = [
      ...['listen_addresses=127.0.0.1', `port=${this.port}`, 'unix_socket_directories='],
      ...['max_connections=200', ...this.#options],
    ].flatMap((setting) => ['-c', setting]);
    this.#process = spawn(
      command,
      [...before, join(this.#bin, 'postgres'), '-D', data, ...settings],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: process.env.PATH } },
    );
    let said = '';
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk).slice(-5000);
    });
    const answers = () =>
      this.query('select 1').then(
        () => true,
        () => false,
      );
    await waitFor(
      'PostgreSQL answers',
      async () => {
        if (this.#process?.exitCode !== null) throw new Error(`PostgreSQL ended: ${said}`);
        return answers();
      },
      startMostMs,
    );
  }

  /** Whether it ended by itself, as it does when it has no room to recover. */
  hasEnded(): boolean {
    return this.#process?.exitCode !== null;
  }

  /** The id of the process that a signal has to go to, while it runs. */
  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('PostgreSQL does not run');
    return pid;
  }

  /** Resolves when the process has ended, for whatever reason. */
  async ended(): Promise<void> {
    const child = this.#process;
    if (child?.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }

  /** `immediate` is a crash: the next start recovers from the write-ahead log. */
  async stop(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  }
}

/** Settings with which nothing is synced, which is faster. */
export const serverOptions = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'];

export async function startPostgres(
  t: Scope,
  options: readonly string[] = serverOptions,
  root = tmpdir(),
): Promise<PostgresServer> {
  const bin = await programs();
  const folder = await mkdtemp(join(root, 'silversmith-postgres-'));
  defer(t, () => rm(folder, { recursive: true, force: true }));
  if (asUser.length > 0) await run('chown', ['postgres:postgres', folder]);
  await chmod(folder, 0o700);
  const [command = '', ...before] = unprivileged;
  const initdb = [join(bin, 'initdb'), '-D', join(folder, 'data'), '-U', user, '-A', 'trust'];
  await run(command, [...before, ...initdb, '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']);
  const server = new PostgresServer({ port: await freePort(), folder, bin }, options);
  await server.start();
  defer(t, () => server.stop());
  return server;
}
