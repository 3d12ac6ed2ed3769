// Copies of the whole store between SQLite and PostgreSQL, by the command that an operator types.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { copyToPostgres } from '../../src/server/copy.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { defer, temporaryFolder, waitFor } from '../support.ts';
import { copy, dump, filled } from './filled.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

/** More than one batch of them. */
const manyImages = 1234;

const placeOf = (url: string) => `PostgreSQL at ${new URL(url).host}${new URL(url).pathname}`;

describe('a copy of the store', () => {
  it('carries every row of every table into PostgreSQL and back', async (t) => {
    const dataDir = await filled(t, manyImages);
    const url = await server.database();
    const there = await copy(dataDir, '--to', url);
    assert.equal(there.code, 0, there.err);
    const { rows, textsChanged, beside } = JSON.parse(there.out);
    assert.deepEqual(
      Object.keys(rows).filter((table) => rows[table] === 0),
      [],
    );
    assert.deepEqual([rows.image, textsChanged], [manyImages + 3, 1]);
    assert.ok(beside.some(({ path }: { path: string }) => path === join(dataDir, 'master.key')));
    const target = await temporaryFolder(t);
    const back = await copy(target, '--from', url);
    assert.equal(back.code, 0, back.err);
    const [original, returned] = [dump(dataDir), dump(target)];
    const others = { build_step: [], read_signature: [], request_rate: [] };
    assert.deepEqual({ ...returned, ...others }, { ...original, ...others });
    // A copy begins without what servers remember for minutes.
    assert.deepEqual([returned.request_rate, original.request_rate?.length], [[], 1]);
    // PostgreSQL keeps no NUL.
    assert.deepEqual(
      returned.build_step,
      original.build_step?.map((row) => String(row).replaceAll('\\u0000', '\uFFFD')),
    );
  });

  it('ends its entry in the trail of both', async (t) => {
    const dataDir = await filled(t);
    const url = await server.databaseWithTables();
    assert.equal((await copy(dataDir, '--to', url)).code, 0);
    for (const store of [
      await openSqlite({ dataDir, now: Date.now }),
      await openPostgres({ url }),
    ]) {
      defer(t, () => store.close());
      const [entry] = await store.read('system', (work) => work.operatorAudit.list(1));
      assert.deepEqual(
        [entry?.action, entry?.outcome, entry?.thing],
        ['storeCopy', 'done', `the store: from ${dataDir} to ${placeOf(url)}`],
      );
      assert.ok((entry?.endedAt ?? 0) >= (entry?.createdAt ?? 1));
    }
  });

  it('uses no id again, not even one whose row is gone', async (t) => {
    const dataDir = await filled(t);
    const url = await server.databaseWithTables();
    assert.equal((await copy(dataDir, '--to', url)).code, 0);
    const image = { organisationId: 1, name: 'next', sizeGb: 1, source: 'seat' } as const;
    const add = { ...image, baseImageId: null, machineId: null } as never;
    const store = await openPostgres({ url });
    const { id } = await store.write('system', (work) => work.images.add(add));
    await store.close();
    assert.equal(id, 5);
    await server.query('delete from image where id = 5', url);
    const target = await temporaryFolder(t);
    assert.equal((await copy(target, '--from', url)).code, 0);
    const returned = await openSqlite({ dataDir: target, now: Date.now });
    defer(t, () => returned.close());
    assert.equal((await returned.write('system', (work) => work.images.add(add))).id, 6);
  });

  it('has the rows of one moment: a writer waits, on either side', async (t) => {
    const dataDir = await filled(t);
    const url = await server.databaseWithTables();
    const writer = await openSqlite({ dataDir, now: Date.now });
    let late: Promise<unknown> | undefined;
    const other = await openPostgres({ url });
    let there: Promise<unknown> | undefined;
    await copyToPostgres({
      ...{ dataDir, url, by: 'operator:test', signal: new AbortController().signal },
      say() {
        late ??= writer.write('system', (work) => work.organisations.ensure('late'));
        there ??= other.write('system', (work) => work.organisations.ensure('there'));
      },
    });
    await Promise.all([late, there]);
    await writer.close();
    await other.close();
    const names = await server.query('select name from organisation order by id', url);
    assert.deepEqual(
      names.map(({ name }) => name),
      ['Studio', 'there'],
    );
    assert.equal(dump(dataDir).organisation?.length, 2);
  });
});

describe('a copy that is killed', () => {
  const script = `
    import { copyFromPostgres, copyToPostgres } from ${JSON.stringify(new URL('../../src/server/copy.ts', import.meta.url).href)};
    const [way, dataDir, url, phase] = process.argv.slice(1);
    const copy = way === 'to' ? copyToPostgres : copyFromPostgres;
    await copy({ dataDir, url, by: 'operator:test', signal: new AbortController().signal,
      say: (at, rows) => at === phase && rows > 100 && process.kill(process.pid, 'SIGKILL') });`;
  const killed = (...args: string[]) =>
    new Promise<string | null>((resolve) => {
      const child = execFile(
        process.execPath,
        ['--input-type=module-typescript', '-e', script, ...args],
        () => resolve(child.signalCode),
      );
    });

  it('has changed nothing, and is done again', async (t) => {
    const dataDir = await filled(t, manyImages);
    const url = await server.databaseWithTables();
    for (const phase of ['copying', 'comparing']) {
      assert.equal(await killed('to', dataDir, url, phase), 'SIGKILL');
      // PostgreSQL notices the end of the connection.
      await waitFor('the transaction is undone', async () => {
        const busy = `select 1 from pg_locks join pg_database on pg_database.oid = database
          where datname = '${new URL(url).pathname.slice(1)}' and mode = 'ExclusiveLock' and locktype = 'relation'`;
        return (await server.query(busy)).length === 0;
      });
      assert.equal(await server.count(url, 'organisation'), 0);
    }
    assert.equal((await copy(dataDir, '--to', url)).code, 0);
    const target = await temporaryFolder(t);
    assert.equal(await killed('from', target, url, 'comparing'), 'SIGKILL');
    await assert.rejects(access(storeFile(target)), { code: 'ENOENT' });
    await waitFor('it is done', async () => (await copy(target, '--from', url)).code === 0);
    assert.equal(dump(target).image?.length, manyImages + 3);
  });
});
