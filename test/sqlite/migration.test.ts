// Migrations: the store has the old schema or the new one at every moment, when the process that
// migrates it is killed, and when several processes open it at once.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, cp, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { lockDataDir } from '../../src/store/sqlite/lock.ts';
import { sqliteMigrations } from '../../src/store/sqlite/migrate.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { triedVersions, versions } from '../contract/upgrade/schemas.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';
import { storeOf } from './schemas.ts';

const nothing = 'nothing';
const files = ['silversmith.db', 'silversmith.db-wal'];

/** The digest of a file; undefined when it is empty or does not exist. */
const contentOf = (path: string) =>
  existsSync(path) && statSync(path).size > 0
    ? createHash('sha256').update(readFileSync(path)).digest('hex')
    : undefined;

async function folderAs(t: Scope, version: string): Promise<string> {
  const dataDir = await temporaryFolder(t);
  if (version !== nothing) await storeOf(dataDir, version);
  return dataDir;
}

/** Returns the whole schema and the recorded migrations as one text. */
function schemaOf(dataDir: string): string {
  const database = new DatabaseSync(storeFile(dataDir));
  try {
    const rows = database
      .prepare('select name, sql from sqlite_master where sql is not null order by name')
      .all();
    const made = rows.some(({ name }) => name === 'kysely_migration')
      ? database.prepare('select name from kysely_migration order by name').all()
      : [];
    return JSON.stringify([rows, made]);
  } finally {
    database.close();
  }
}

const migrated = async (dataDir: string, onQuery?: () => void) => {
  const store = await openSqlite({
    dataDir,
    now: Date.now,
    check: true,
    ...(onQuery && { onQuery }),
  });
  await store.close();
};

const script = `
  import { openSqlite } from ${JSON.stringify(new URL('../../src/store/sqlite/open.ts', import.meta.url).href)};
  const [dataDir, at] = process.argv.slice(1);
  let count = 0;
  const onQuery = () => ++count === Number(at) && process.kill(process.pid, 'SIGKILL');
  const store = await openSqlite({ dataDir, now: Date.now, onQuery });
  await store.close();`;

/**
 * Opens a store in a process that kills itself after a statement; resolves to its exit status, null
 * when it was killed.
 */
const openedAlone = (dataDir: string, killAt: number) =>
  new Promise<number | null>((resolve) => {
    const args = ['--input-type=module-typescript', '-e', script, dataDir, String(killAt)];
    spawn(process.execPath, args, { stdio: 'inherit' }).once('close', resolve);
  });

const begun = [nothing, ...triedVersions.slice(0, -1)];

describe('a migration that dies', () => {
  for (const version of begun) {
    it(`after any of its statements, from ${version}, leaves the old schema or the new one, and is done by the next`, async (t) => {
      const dataDir = await folderAs(t, version);
      const before = schemaOf(dataDir);
      const contents = () => files.map((file) => contentOf(join(dataDir, file))).join();
      const cuts = new Map<string, number>();
      const seen = new Set([contents()]);
      let statements = 0;
      // The files at this moment are those that a killed process would leave. Most statements
      // change none, because their transaction is not committed, so equal files are examined once,
      // and those from before it not again.
      await migrated(dataDir, () => {
        const content = contents();
        statements++;
        if (seen.has(content)) return;
        seen.add(content);
        cuts.set(content, statements);
        const cut = join(dataDir, `cut-${statements}`);
        mkdirSync(cut);
        for (const file of files)
          if (existsSync(join(dataDir, file))) copyFileSync(join(dataDir, file), join(cut, file));
      });
      const after = schemaOf(dataDir);
      for (const statement of cuts.values()) {
        const cut = join(dataDir, `cut-${statement}`);
        assert.ok(
          [before, after].includes(schemaOf(cut)),
          `after statement ${statement} it is neither`,
        );
        await migrated(cut);
        assert.equal(schemaOf(cut), after, `after statement ${statement}`);
      }
      t.diagnostic(`${statements} statements, ${cuts.size} states of the files`);
    });
  }

  it('by SIGKILL leaves the old schema or the new one, and is done by the next', async (t) => {
    for (const version of [nothing, versions[2] ?? nothing]) {
      const first = await folderAs(t, version);
      const copied = async () => {
        const dataDir = await temporaryFolder(t);
        await cp(first, dataDir, { recursive: true });
        return dataDir;
      };
      const whole = await copied();
      let statements = 0;
      await migrated(whole, () => void statements++);
      const [before, after] = [schemaOf(first), schemaOf(whole)];
      assert.ok(after.includes(Object.keys(sqliteMigrations).at(-1) ?? ''));
      for (const part of [0, 0.3, 0.6, 0.9, 1]) {
        const dataDir = await copied();
        const at = Math.max(3, Math.floor(statements * part));
        assert.equal(await openedAlone(dataDir, at), null, `statement ${at} is not its last`);
        const left = schemaOf(dataDir);
        assert.ok([before, after].includes(left), `after statement ${at} it is neither`);
        await migrated(dataDir);
        assert.equal(schemaOf(dataDir), after);
      }
    }
  });
});

const opener = `
  import { createInterface } from 'node:readline';
  import { masterKeyFile } from ${JSON.stringify(new URL('../../src/lib/master-key.ts', import.meta.url).href)};
  import { openSqlite } from ${JSON.stringify(new URL('../../src/store/sqlite/open.ts', import.meta.url).href)};
  process.stdout.write('ready\\n');
  for await (const dataDir of createInterface({ input: process.stdin })) {
    const open = async () => {
      const store = await openSqlite({ dataDir, now: Date.now });
      await store.write('system', (work) => work.organisations.ensure('ours'));
      await store.close();
      return (await masterKeyFile(dataDir + '/master.key')).id;
    };
    process.stdout.write((await open().catch(String)) + '\\n');
  }`;

/** Starts a process that opens the store in each folder it is sent, and answers the result. */
function openerAlone(t: Scope) {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', opener], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  defer(t, () => child.kill());
  const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => String((await said.next()).value);
  return {
    line,
    open(dataDir: string): Promise<string> {
      child.stdin.write(`${dataDir}\n`);
      return line();
    },
  };
}

describe('a store that several processes open at once', () => {
  for (const version of [nothing, '0003-access']) {
    it(`for the first time, from ${version}, is there for all of them, with one master key`, async (t) => {
      const openers = [openerAlone(t), openerAlone(t)];
      for (const { line } of openers) assert.equal(await line(), 'ready');
      for (let pair = 0; pair < 25; pair++) {
        const dataDir = await folderAs(t, version);
        const [one, other] = await Promise.all(openers.map(({ open }) => open(dataDir)));
        assert.match(one ?? '', /^[0-9a-f]{16}$/);
        assert.equal(one, other);
      }
    });
  }

  it('can be opened several times in one process', async (t) => {
    const dataDir = await temporaryFolder(t);
    await Promise.all(Array.from({ length: 25 }, () => migrated(dataDir)));
  });
});

describe('a store that is being served', () => {
  const tomorrow = {
    ...sqliteMigrations,
    '9999-of-tomorrow': { up: async () => assert.fail('it was changed') },
  };
  const refused = {
    code: 'unavailable',
    message:
      /older Silversmith, and a server is running on it\. Stop that server first.* type this again/,
  };

  it('is not changed by a program of a newer version', async (t) => {
    const dataDir = await folderAs(t, versions.at(-1) ?? '');
    const before = schemaOf(dataDir);
    const lock = lockDataDir(dataDir);
    await assert.rejects(
      openSqlite({ dataDir, now: Date.now, known: tomorrow, waitMostMs: 50 }),
      refused,
    );
    assert.equal(schemaOf(dataDir), before);
    // A program of this version may use the store beside the server.
    await migrated(dataDir);
    lock.release();
    assert.equal(schemaOf(dataDir), before);
  });

  it('is brought up to date by a process that waited for the server to end', async (t) => {
    const dataDir = await folderAs(t, '0004-layers');
    const lock = lockDataDir(dataDir);
    const waiting = migrated(dataDir);
    lock.release();
    await waiting;
    lockDataDir(dataDir).release();
  });

  it('is used as soon as its server has brought it up to date', async (t) => {
    const dataDir = await folderAs(t, '0004-layers');
    const lock = lockDataDir(dataDir);
    const waiting = migrated(dataDir);
    const store = await openSqlite({ dataDir, now: Date.now, locked: true });
    await waiting;
    await store.close();
    lock.release();
  });

  it('tells when another version has changed it', async (t) => {
    const dataDir = await temporaryFolder(t);
    const store = await openSqlite({ dataDir, now: Date.now });
    defer(t, () => store.close());
    await store.check();
    const database = new DatabaseSync(storeFile(dataDir));
    defer(t, () => database.close());
    database.exec(
      "insert into kysely_migration (name, timestamp) values ('9999-of-tomorrow', '2030-01-01')",
    );
    await assert.rejects(store.check(), {
      code: 'unavailable',
      message: /changed by another version.*Stop this server/,
    });
    database.exec("delete from kysely_migration where name = '9999-of-tomorrow'");
    await store.check();
  });
});

describe('the lock of a data directory', () => {
  it('is a file that no other user may open, also when an earlier version made it', async (t) => {
    const dataDir = await temporaryFolder(t);
    const mode = async () => (await stat(join(dataDir, 'lock.db'))).mode & 0o777;
    lockDataDir(dataDir).release();
    assert.equal(await mode(), 0o600);
    await chmod(join(dataDir, 'lock.db'), 0o644);
    lockDataDir(dataDir).release();
    assert.equal(await mode(), 0o600);
  });

  it('fails with the reason when it cannot be taken', async (t) => {
    const dataDir = await temporaryFolder(t);
    await mkdir(join(dataDir, 'lock.db'));
    assert.throws(() => lockDataDir(dataDir), {
      code: 'unavailable',
      message: /lock\.db cannot be used/,
    });
  });
});
