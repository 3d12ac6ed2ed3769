// Copies between SQLite and PostgreSQL that are refused, with what the operator is told.

import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { holdServing } from '../../src/store/postgres/serving.ts';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { lockDataDir } from '../../src/store/sqlite/lock.ts';
import { runIn } from '../simulator/demo.ts';
import { temporaryFolder } from '../support.ts';
import { copy, filled } from './filled.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

describe('a copy that is refused', () => {
  it('names the reason and the remedy, and changes nothing', async (t) => {
    const dataDir = await filled(t);
    const url = await server.database();
    const empty = await temporaryFolder(t);
    const refuses = async (folder: string, args: string[], says: RegExp) => {
      const { code, err } = await copy(folder, ...args);
      assert.notEqual(code, 0);
      assert.match(err, says);
    };
    await refuses(empty, ['--to', url], /no store in .*--data-dir/);
    await refuses(empty, ['--from', url], /has no store. Give the one/);
    const lock = lockDataDir(dataDir);
    await refuses(dataDir, ['--to', url], /Another server is running/);
    lock.release();
    const serving = await holdServing(url);
    await refuses(dataDir, ['--to', url], /A server runs on PostgreSQL at .*Stop every server/);
    await serving.release();
    assert.equal(await server.count(url, 'organisation'), 0);
    assert.equal((await copy(dataDir, '--to', url)).code, 0);
    const images = await server.count(url, 'image');
    await refuses(dataDir, ['--to', url], /has rows already \(.*organisation.*createdb/);
    assert.equal(await server.count(url, 'image'), images);
    await refuses(dataDir, ['--from', url], /There is a store in .* already. Move .*aside/);
    const again = await holdServing(url);
    await refuses(empty, ['--from', url], /A server runs on PostgreSQL at/);
    await again.release();
    await assert.rejects(access(storeFile(empty)), { code: 'ENOENT' });
    await assert.rejects(access(join(empty, 'copied')), { code: 'ENOENT' });
  });

  it('leaves a database of another schema as it is', async (t) => {
    const dataDir = await filled(t);
    const tables = async (url: string) =>
      server.query(
        `select table_name from information_schema.tables where table_schema = 'public'`,
        url,
      );
    for (const [made, says] of [
      ['0001-first-light', /written by an older Silversmith. Start a server of this version/],
      ['9999-of-tomorrow', /written by a newer Silversmith/],
    ] as const) {
      const url = await server.database();
      await server.query('create table kysely_migration (name text)', url);
      await server.query(`insert into kysely_migration values ('${made}')`, url);
      for (const [folder, option] of [
        [dataDir, '--to'],
        [await temporaryFolder(t), '--from'],
      ] as const) {
        const { code, err } = await copy(folder, option, url);
        assert.deepEqual([code > 0, says.test(err)], [true, true], err);
      }
      assert.equal((await tables(url)).length, 1);
    }
    const url = await server.databaseWithTables();
    await server.query('create table foreign_notes (id bigint)', url);
    assert.match(
      (await copy(dataDir, '--to', url)).err,
      /do not have the same tables: foreign_notes/,
    );
  });

  it('takes no password as an argument, and prints none', async (t) => {
    const dataDir = await filled(t);
    const run = runIn(dataDir);
    const secret = 'hunter2';
    const shown: string[] = [];
    const says = async (args: string[], sentence: RegExp, env?: string) => {
      const { code, err } = await (env === undefined
        ? run(...['store', 'copy', ...args])
        : runIn(dataDir, 'simulator', { SILVERSMITH_DATABASE_URL: env })('store', 'copy', ...args));
      shown.push(err);
      assert.notEqual(code, 0);
      assert.match(err, sentence);
    };
    await says([], /Give --to .* or --from/);
    await says(['--to', 'x', '--from', 'y'], /Give --to .* or --from/);
    await says(['--to', `postgres://me:${secret}@db/one`], /--to takes no password.*pgpass/);
    await says(['--to', `postgres://me@db/one?password=${secret}`], /password is not known/);
    await says(['--to', 'http://db/one'], /--to is "http.*Give an address such as postgres/);
    await says(['--from'], /give --database-url/);
    await says(
      ['--to'],
      /SILVERSMITH_DATABASE_URL is .*Name the user and the database/,
      `postgres://me:${secret}@db`,
    );
    await says(
      ['--to'],
      /The database cannot be reached/,
      `postgres://me:${secret}@127.0.0.1:1/one`,
    );
    assert.ok(!shown.join().includes(secret));
  });

  it('names a value that the other database cannot hold', async (t) => {
    for (const [change, says] of [
      ["update machine set cpus = 'many'", /A row of machine from 1 to 1 cannot be copied/],
      ['update machine set cpus = 3000000000', /A row of machine from 1 to 1 cannot be copied/],
      ['update image set created_at = 9007199254740993', /The table image .* cannot be copied/],
      ["update image set name = x'00ff'", /The column name of image cannot be copied/],
    ] as const) {
      const dataDir = await filled(t);
      const url = await server.databaseWithTables();
      const database = new DatabaseSync(storeFile(dataDir));
      database.exec(change);
      database.close();
      const { code, err } = await copy(dataDir, '--to', url);
      assert.deepEqual([code > 0, says.test(err)], [true, true], err);
      assert.equal(await server.count(url, 'organisation'), 0);
    }
  });

  it('is undone when one row differs from its original', async (t) => {
    const dataDir = await filled(t);
    const url = await server.databaseWithTables();
    await server.query(
      `create function bend() returns trigger language plpgsql as
        $$ begin if new.id = 2 then new.name = 'bent'; end if; return new; end $$`,
      url,
    );
    await server.query(
      'create trigger bend before insert on image for each row execute function bend()',
      url,
    );
    const { code, err } = await copy(dataDir, '--to', url);
    assert.notEqual(code, 0);
    assert.match(err, /The copy of the table image differs from the original \(2\)/);
    assert.equal(await server.count(url, 'organisation'), 0);
  });
});
