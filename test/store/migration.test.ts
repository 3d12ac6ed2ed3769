// A store that is being brought up to date has the old schema or the new one at every moment, and whoever comes meanwhile finds one of
// them: processes that are killed at it, and several that come at once.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { sqliteMigrations } from '../../src/store/sqlite/migrate.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { type Scope, temporaryFolder } from '../support.ts';
import { storeOf, versions } from './schemas.ts';

const nothing = 'nothing';
const files = ['silversmith.db', 'silversmith.db-wal'];

async function folderAs(t: Scope, version: string): Promise<string> {
  const dataDir = await temporaryFolder(t);
  if (version !== nothing) await storeOf(dataDir, version);
  return dataDir;
}

/** The whole schema and the migrations that are recorded, as one text. */
function schemaOf(dataDir: string): string {
  const database = new DatabaseSync(storeFile(dataDir));
  try {
    const rows = database.prepare('select name, sql from sqlite_master where sql is not null order by name').all();
    const made = rows.some(({ name }) => name === 'kysely_migration')
      ? database.prepare('select name from kysely_migration order by name').all()
      : [];
    return JSON.stringify([rows, made]);
  } finally {
    database.close();
  }
}

const migrated = async (dataDir: string, onQuery?: () => void) => {
  const store = await openSqlite({ dataDir, now: Date.now, check: true, ...(onQuery && { onQuery }) });
  await store.close();
};

const script = `
  import { openSqlite } from ${JSON.stringify(new URL('../../src/store/sqlite/open.ts', import.meta.url).href)};
  const [dataDir, at] = process.argv.slice(1);
  let count = 0;
  const onQuery = () => ++count === Number(at) && process.kill(process.pid, 'SIGKILL');
  const store = await openSqlite({ dataDir, now: Date.now, onQuery });
  await store.close();`;

/** Opens a store in a process that kills itself after a statement; resolves to its exit status, null when it was killed. */
const openedAlone = (dataDir: string, killAt: number) =>
  new Promise<number | null>((resolve) => {
    const args = ['--input-type=module-typescript', '-e', script, dataDir, String(killAt)];
    spawn(process.execPath, args, { stdio: 'inherit' }).once('close', resolve);
  });

describe('a migration that dies', () => {
  for (const version of [nothing, ...versions]) {
    it(`after any of its statements, from ${version}, leaves the old schema or the new one, and is done by the next`, async (t) => {
      const dataDir = await folderAs(t, version);
      const cuts: string[] = [];
      const before = schemaOf(dataDir);
      // A killed process leaves what is in the files at that moment.
      await migrated(dataDir, () => {
        const cut = join(dataDir, `cut-${cuts.length}`);
        mkdirSync(cut);
        for (const file of files)
          if (existsSync(join(dataDir, file))) copyFileSync(join(dataDir, file), join(cut, file));
        cuts.push(cut);
      });
      const after = schemaOf(dataDir);
      for (const [index, cut] of cuts.entries()) {
        assert.ok([before, after].includes(schemaOf(cut)), `after statement ${index} it is neither`);
        await migrated(cut);
        assert.equal(schemaOf(cut), after, `after statement ${index}`);
      }
      t.diagnostic(`${cuts.length} statements`);
    });
  }

  it('by SIGKILL leaves the old schema or the new one, and is done by the next', async (t) => {
    for (const version of [nothing, versions[2] ?? nothing]) {
      const first = await folderAs(t, version);
      const before = schemaOf(first);
      let [at, status] = [3, null as number | null];
      for (; status === null; at += 9) {
        const dataDir = await temporaryFolder(t);
        await cp(first, dataDir, { recursive: true });
        status = await openedAlone(dataDir, at);
        const left = schemaOf(dataDir);
        await migrated(dataDir);
        const after = schemaOf(dataDir);
        assert.ok([before, after].includes(left), `after statement ${at} it is neither`);
        assert.ok(after.includes(Object.keys(sqliteMigrations).at(-1) ?? ''));
      }
      assert.equal(status, 0);
      assert.ok(at > 20, 'it was killed at some statements');
    }
  });
});
