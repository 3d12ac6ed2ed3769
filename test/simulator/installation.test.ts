// One data directory: which version and which engine may open it, as an operator meets it at the command line.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { lockDataDir } from '../../src/store/sqlite/lock.ts';
import { storeOf, versions } from '../store/schemas.ts';
import { type Scope, temporaryFolder } from '../support.ts';
import { runIn } from './demo.ts';

/** The folder of a server of an older version, which is running, and the command line of this one. */
async function servedByOlder(t: Scope) {
  const dataDir = await temporaryFolder(t);
  await storeOf(dataDir, '0006-generalize');
  return { dataDir, lock: lockDataDir(dataDir), run: runIn(dataDir) };
}

const madeIn = (dataDir: string) => {
  const database = new DatabaseSync(join(dataDir, 'silversmith.db'));
  try {
    return database.prepare('select name from kysely_migration').all().length;
  } finally {
    database.close();
  }
};

describe('a data directory whose server is of an older version', () => {
  it('is changed by no command and no second server until it has ended', { timeout: 60_000 }, async (t) => {
    const { dataDir, lock, run } = await servedByOlder(t);
    const before = madeIn(dataDir);
    const [listed, served] = await Promise.all([run('key', 'list'), run('serve', '--port', '0')]);
    assert.deepEqual([listed.code, served.code], [1, 1]);
    assert.match(listed.err, /is of an older Silversmith, and a server is running on it. Stop that server first/);
    assert.match(served.err, /Another server is running/);
    assert.equal(madeIn(dataDir), before);
    await assert.rejects(readFile(join(dataDir, 'master.key')), { code: 'ENOENT' });
    lock.release();
    assert.equal((await run('key', 'list')).code, 0);
    assert.equal(madeIn(dataDir), versions.length);
  });
});

describe('a data directory of a newer version', () => {
  it('is refused by every command and by a server, and left as it is', async (t) => {
    const dataDir = await temporaryFolder(t);
    await storeOf(dataDir, versions.at(-1) ?? '');
    const database = new DatabaseSync(join(dataDir, 'silversmith.db'));
    database.exec("insert into kysely_migration (name, timestamp) values ('9999-of-tomorrow', '2030-01-01')");
    database.close();
    const before = await readFile(join(dataDir, 'silversmith.db'));
    const run = runIn(dataDir);
    for (const args of [
      ['serve', '--port', '0'],
      ['key', 'list'],
      ['backup', '--to', join(dataDir, 'copy')],
      ['doctor'],
    ]) {
      const { code, err } = await run(...args);
      assert.deepEqual([code, /written by a newer Silversmith; use that one/.test(err)], [1, true], args.join(' '));
    }
    assert.deepEqual(await readFile(join(dataDir, 'silversmith.db')), before);
    await assert.rejects(readFile(join(dataDir, 'master.key')), { code: 'ENOENT' });
  });
});
