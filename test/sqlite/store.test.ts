// The store's contract on SQLite, and the promises of SQLite alone: acknowledged writes survive a
// kill, two processes write side by side, and one server owns the directory.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { lockDataDir } from '../../src/store/sqlite/lock.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { testStore } from '../contract/store.ts';
import { putMigratedStore } from '../migrated.ts';
import { defer, temporaryFolder } from '../support.ts';

testStore('SQLite', async (t, now) => {
  const dataDir = await temporaryFolder(t);
  await putMigratedStore(dataDir);
  const store = await openSqlite({ dataDir, now });
  defer(t, () => store.close());
  return store;
});

describe('the SQLite store', () => {
  it('keeps acknowledged writes when its process is killed', async (t) => {
    const dataDir = await temporaryFolder(t);
    const script = `
      import { openSqlite } from ${JSON.stringify(new URL('../../src/store/sqlite/open.ts', import.meta.url).href)};
      const store = await openSqlite({ dataDir: process.argv[1], now: Date.now });
      for (let n = 1; ; n++) {
        await store.write('system', (work) => work.organisations.ensure('organisation ' + n));
        process.stdout.write(n + '\\n');
      }`;
    const child = spawn(
      process.execPath,
      ['--input-type=module-typescript', '-e', script, dataDir],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let acknowledged = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      acknowledged = Number(chunk.toString().trim().split('\n').at(-1));
      if (acknowledged > 200) child.kill('SIGKILL');
    });
    await new Promise((resolve) => child.once('close', resolve));
    const store = await openSqlite({ dataDir, now: Date.now });
    defer(t, () => store.close());
    const names = new Set(
      (await store.read('system', (work) => work.organisations.list())).map((one) => one.name),
    );
    for (let n = 1; n <= acknowledged; n++)
      assert.ok(names.has(`organisation ${n}`), `organisation ${n} was acknowledged`);
    assert.ok(acknowledged > 200);
  });

  it('lets two processes write side by side: a transaction that has read is not undone by the other', async (t) => {
    const dataDir = await temporaryFolder(t);
    const open = async () => {
      const store = await openSqlite({ dataDir, now: Date.now });
      defer(t, () => store.close());
      return store;
    };
    const stores = [await open(), await open()];
    const [first] = stores;
    assert.ok(first);
    const id = await first.write('system', (work) => work.organisations.ensure('one'));
    const addOne = (store: typeof first) =>
      store.write('system', async (work) => {
        const { images } = await work.organisations.quotas(id);
        await new Promise((resolve) => setTimeout(resolve, 1));
        await work.organisations.setQuotas(id, { images: images + 1 });
      });
    const before = await first.read('system', (work) => work.organisations.quotas(id));
    await Promise.all(Array.from({ length: 40 }, (_, at) => addOne(stores[at % 2] ?? first)));
    const after = await first.read('system', (work) => work.organisations.quotas(id));
    assert.equal(after.images, before.images + 40);
  });

  it('tells a change of another process in the next callback of the event loop', async (t) => {
    const dataDir = await temporaryFolder(t);
    const store = await openSqlite({ dataDir, now: Date.now });
    defer(t, () => store.close());
    await store.write('system', (work) => work.organisations.ensure('one'));
    const other = new DatabaseSync(storeFile(dataDir));
    defer(t, () => other.close());
    // Both callbacks run in one phase of the loop, as a request may arrive before the next one.
    const before = new Promise<number | null>((resolve) =>
      setImmediate(() => {
        resolve(store.version());
        other.exec("update organisation set name = 'two'");
      }),
    );
    const after = new Promise<number | null>((resolve) =>
      setImmediate(() => resolve(store.version())),
    );
    assert.notEqual(await after, await before);
  });

  it('lets only one server own a data directory', async (t) => {
    const dataDir = await temporaryFolder(t);
    const lock = lockDataDir(dataDir);
    assert.throws(() => lockDataDir(dataDir), /Another server/);
    lock.release();
    lockDataDir(dataDir).release();
  });
});
