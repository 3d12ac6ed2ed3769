// Group commit: units of work that wait at the same time share a transaction, and each has the
// outcome that it would have alone.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { Kysely, sql } from 'kysely';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import type { Database, Db } from '../../src/store/sql/schema.ts';
import { openDatabase } from '../../src/store/sqlite/database.ts';
import { sqliteDriver } from '../../src/store/sqlite/driver.ts';
import { GroupCommit } from '../../src/store/sqlite/group.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { putMigratedStore } from '../migrated.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';

async function storeIn(t: Scope) {
  const dataDir = await temporaryFolder(t);
  await putMigratedStore(dataDir);
  const statements: string[] = [];
  const onQuery = (text: string) => void statements.push(text);
  const store = await openSqlite({ dataDir, now: Date.now, onQuery });
  const commits = () => statements.filter((text) => text === 'commit').length;
  return { store, dataDir, commits };
}

const namesIn = async (store: Store): Promise<string[]> =>
  (await store.read('system', (work) => work.organisations.list())).map(({ name }) => name);

const ensure = (store: Store, name: string) =>
  store.write('system', (work) => work.organisations.ensure(name));

const outcomes = async (all: Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(all)).map((one) =>
    one.status === 'fulfilled' ? String(one.value) : String(one.reason),
  );

/**
 * Groups on a small database, with the functions that its units are made of. No group is ended by
 * its time, however slow the host is.
 */
async function groupsIn(t: Scope, unitMostMs?: number) {
  const file = join(await temporaryFolder(t), 'small.db');
  const database: DatabaseSync = await openDatabase(file);
  database.exec(`create table parent (name text primary key);
    create table child (parent text references parent deferrable initially deferred)`);
  const ended: string[] = [];
  const db = new Kysely<Database>({
    dialect: sqliteDriver(database),
    log: ({ level, query }) => {
      if (query.sql === 'commit' || query.sql === 'rollback') ended.push(`${query.sql} ${level}`);
    },
  });
  const groups = new GroupCommit(db, { unitMostMs, groupMostMs: Number.POSITIVE_INFINITY });
  defer(t, async () => {
    await groups.idle();
    await db.destroy();
  });
  const add = (name: string) => async (work: Db) => {
    await sql`insert into parent values (${name})`.execute(work);
    return name;
  };
  /** A row whose parent is missing, which SQLite notices at the commit. */
  const orphan = async (work: Db) => {
    await sql`insert into child values ('nobody')`.execute(work);
    return 'orphan';
  };
  const names = () =>
    database
      .prepare('select name from parent order by rowid')
      .all()
      .map(({ name }) => name);
  return { groups, file, database, ended, add, orphan, names };
}

describe('units of work that wait at the same time', () => {
  it('share transactions of a bounded number of units, in the order in which they came', async (t) => {
    const { store, commits } = await storeIn(t);
    defer(t, () => store.close());
    const count = 300;
    const wanted = Array.from({ length: count }, (_, index) => `organisation ${index}`);
    const before = commits();
    await Promise.all(wanted.map((name) => ensure(store, name)));
    const made = commits() - before;
    assert.ok(made >= count / 64 && made <= count / 3, `${made} commits for ${count} units`);
    assert.deepEqual((await namesIn(store)).slice(-count), wanted);
  });

  it('undo only themselves when they throw, and see what those before them wrote', async (t) => {
    const { store, commits } = await storeIn(t);
    defer(t, () => store.close());
    const stop = new Error('stop');
    const before = commits();
    const ended = await Promise.allSettled([
      ensure(store, 'one'),
      store.write('system', async (work) => {
        await work.organisations.ensure('two');
        throw stop;
      }),
      store.write('system', async (work) => {
        const seen = (await work.organisations.list()).map(({ name }) => name);
        return [seen.includes('one'), seen.includes('two')];
      }),
      ensure(store, 'four'),
    ]);
    // A group is committed after 10 ms at the latest, so a busy host makes more of them.
    assert.ok(commits() - before < ended.length);
    assert.deepEqual(
      ended.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    assert.equal(ended[1]?.status === 'rejected' && ended[1].reason, stop);
    assert.deepEqual(ended[2]?.status === 'fulfilled' && ended[2].value, [true, false]);
    const names = await namesIn(store);
    assert.deepEqual(
      ['one', 'two', 'four'].map((name) => names.includes(name)),
      [true, false, true],
    );
  });

  it('are not answered when their commit fails, and run again alone', async (t) => {
    const { groups, ended, add, orphan, names } = await groupsIn(t);
    const answered: string[] = [];
    const said = (work: (db: Db) => Promise<string>) =>
      groups.write(work).finally(() => answered.push(String(ended.length)));
    assert.deepEqual(
      await outcomes([
        said(add('one')),
        said(orphan),
        said(async (work) => {
          throw new Error(`refused beside ${(await add('two')(work)) && 'two'}`);
        }),
        said(add('three')),
      ]),
      ['one', 'Error: FOREIGN KEY constraint failed', 'Error: refused beside two', 'three'],
    );
    const failed = ['commit error', 'rollback query'];
    const committed = 'commit query';
    // The group; then each alone, of which the second fails at its commit and the third by itself.
    assert.deepEqual(ended, [...failed, committed, ...failed, 'rollback query', committed]);
    assert.ok(
      answered.every((commits) => Number(commits) > failed.length),
      'one was answered before its own commit',
    );
    assert.deepEqual(names(), ['one', 'three']);
  });

  it('run again alone when SQLite undoes their transaction by itself', async (t) => {
    const { groups, database, add, names } = await groupsIn(t);
    const pages = Number(database.prepare('pragma page_count').get()?.page_count);
    database.exec(`pragma max_page_count = ${pages + 2}`);
    const runs: string[] = [];
    const small = (name: string) => (work: Db) => {
      runs.push(name);
      return add(name)(work);
    };
    const large = async (work: Db) => {
      runs.push('large');
      // The work goes on although the transaction is gone.
      await add('x'.repeat(100_000))(work).catch(() => {});
      return add('after')(work).catch(() => 'went on');
    };
    const [one, full, two] = await outcomes(
      [small('one'), large, small('two')].map((work) => groups.write(work)),
    );
    assert.deepEqual([one, two], ['one', 'two']);
    assert.match(String(full), /database or disk is full/);
    assert.deepEqual(runs, ['one', 'large', 'one', 'large', 'two']);
    assert.deepEqual(names(), ['one', 'two']);
  });

  it('wait for another process that writes, and are then written together', async (t) => {
    const { groups, file, database, ended, add, names } = await groupsIn(t);
    const other = await openDatabase(file);
    defer(t, () => other.close());
    // Not SQLite waits for the lock, which would hold the event loop.
    database.exec('pragma busy_timeout = 0');
    other.exec('begin immediate');
    let done = 0;
    const first = groups.write(add('first')).finally(() => done++);
    // Three turns of the loop: the first one waits for the lock by now.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    const second = groups.write(add('second')).finally(() => done++);
    assert.equal(done, 0);
    other.exec('commit');
    await Promise.all([first, second]);
    assert.deepEqual([ended, names()], [['commit query'], ['first', 'second']]);
  });

  it('let the event loop turn before each group, so that a row of writes keeps nobody waiting', async (t) => {
    const { store } = await storeIn(t);
    defer(t, () => store.close());
    let [turns, isOver] = [0, false];
    const turn = () => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    turn();
    const writes = 50;
    for (let index = 0; index < writes; index++) await ensure(store, `one after another ${index}`);
    isOver = true;
    assert.ok(turns >= writes, `${turns} turns in ${writes} writes`);
  });

  it('are done before the store is closed', async (t) => {
    const { store, dataDir } = await storeIn(t);
    const writes = Array.from({ length: 100 }, (_, index) => ensure(store, `last ${index}`));
    await store.close();
    await Promise.all(writes);
    const again = await openSqlite({ dataDir, now: Date.now });
    defer(t, () => again.close());
    assert.equal((await namesIn(again)).filter((name) => name.startsWith('last')).length, 100);
  });
});

describe('a unit of work against the rules', () => {
  it('cannot write after its end, in the transaction of others', async (t) => {
    const { groups, add, names } = await groupsIn(t);
    let kept: Db | undefined;
    let late: Promise<unknown> | undefined;
    await outcomes([
      groups.write(async (work) => {
        kept = work;
        throw new Error('stop');
      }),
      groups.write(async (work) => {
        if (kept) late = add('late')(kept).catch(String);
        await late;
        return add('one')(work);
      }),
    ]);
    assert.equal(await late, 'Error: this unit of work has ended');
    assert.deepEqual(names(), ['one']);
  });

  it('is undone when it waits too long for something else, and others go on', async (t) => {
    const { groups, add, names } = await groupsIn(t, 50);
    const never = groups.write(async (work) => {
      await add('never')(work);
      await new Promise(() => {});
    });
    const other = groups.write(add('other'));
    await assert.rejects(never, { code: 'internal', message: /took too long/ });
    assert.equal(await other, 'other');
    await waitFor('both have ended', () => names().length === 1);
    assert.deepEqual(names(), ['other']);
  });
});
