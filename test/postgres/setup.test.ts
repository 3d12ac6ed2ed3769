// Databases that are not set up as the store needs them: each is refused with what to do.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { defer, waitFor } from '../support.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

const nameOf = (url: string) => new URL(url).pathname.slice(1);
const refuses = (url: string, message: RegExp) =>
  assert.rejects(openPostgres({ url }), { code: 'unavailable', message });
const tablesIn = (url: string) =>
  server.query("select 1 from pg_tables where schemaname = 'public'", url);

/** The traces of a newer version, beside which this one may not go on. */
const tomorrow = `
  insert into kysely_migration (name, timestamp) values ('9999-of-tomorrow', '2030-01-01');
  update schema_floor set name = '9999-of-tomorrow'`;

describe('a database', () => {
  it('that does not exist is named as missing, with the command that makes it', () =>
    refuses(server.url('nothing'), /The database does not exist. Create it: createdb/));

  it('that refuses the password is told from one that cannot be reached', async () => {
    const url = new URL(await server.user('guarded', 'right', await server.database()));
    url.password = 'wrong';
    await refuses(url.href, /refuses this user or password.*SILVERSMITH_DATABASE_URL/);
    await refuses('postgres://silversmith@127.0.0.1:1/any', /cannot be reached/);
    await refuses('postgres://silversmith@no.such.host.invalid/any', /cannot be reached/);
  });

  it('whose user may not create tables or the extension for searches is left as it is', async () => {
    const url = await server.database();
    const own = await server.user('weak', 'one', url);
    const remedy =
      /is as it was: The user of the database may not do this.*Make that user the owner/;
    await refuses(own, remedy);
    await server.query('grant create on schema public to weak', url);
    await refuses(own, remedy);
    assert.deepEqual(await tablesIn(url), []);
    await server.query(`alter database ${nameOf(url)} owner to weak`);
    await (await openPostgres({ url: own })).close();
  });

  it('that takes no changes is named as a standby, before it is opened and after', async (t) => {
    const url = await server.database();
    const readOnly = (word: 'on' | 'off') =>
      server.query(`alter database ${nameOf(url)} set default_transaction_read_only = ${word}`);
    const standby = /takes no changes, as a standby does.*address of the primary/;
    await readOnly('on');
    await refuses(url, standby);
    await readOnly('off');
    const store = await openPostgres({ url });
    defer(t, () => store.close());
    await readOnly('on');
    await server.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${nameOf(url)}'`,
    );
    const refused = await waitFor('a new connection is refused the write', () =>
      store
        .write('system', (work) => work.organisations.ensure('one'))
        .then(
          () => null,
          (error) => standby.test(error.message) && error,
        ),
    );
    assert.deepEqual([refused.code, refused.retry], ['unavailable', 'later']);
    assert.deepEqual(await store.read('system', (work) => work.organisations.list()), []);
  });

  it('that takes no more connections is named as such', async () => {
    const url = await server.database();
    const own = await server.user('crowd', 'one', url);
    await server.query('alter role crowd connection limit 0');
    await refuses(own, /takes no more connections.*max_connections/);
  });

  it('of a newer version is refused, and left as it is', async () => {
    const url = await server.database();
    await (await openPostgres({ url })).close();
    await server.query(tomorrow, url);
    await refuses(url, /written by a newer Silversmith; use that one/);
  });

  it('that becomes newer below a server is noticed by it', async (t) => {
    const url = await server.database();
    const store = await openPostgres({ url });
    defer(t, () => store.close());
    await store.check();
    await server.query(tomorrow, url);
    await assert.rejects(store.check(), { message: /changed by another version/ });
  });

  it('that sorts as a language does still compares texts byte by byte', async (t) => {
    await server.query(
      `create database sorted template = template0 locale_provider = icu icu_locale = 'en'`,
    );
    const url = server.url('sorted');
    const store = await openPostgres({ url });
    defer(t, () => store.close());
    await store.write('system', async (work) => {
      for (const id of ['b', 'A', 'a', 'B', 'é', 'Z'])
        await work.host.noteOrphan({ kind: 'disk', id, bytes: 1 });
    });
    const orphans = await store.read('system', (work) => work.host.orphans());
    const ids = await server.query('select id from orphan order by id', url);
    const sorted = ['A', 'B', 'Z', 'a', 'b', 'é'];
    assert.deepEqual(
      ids.map(({ id }) => id),
      sorted,
    );
    assert.deepEqual(orphans.map(({ id }) => id).sort(), sorted);
    const languages = await server.query(
      `select table_name, column_name from information_schema.columns
        where table_schema = 'public' and data_type = 'text' and table_name not like 'kysely%'
          and collation_name is distinct from 'C'`,
      url,
    );
    assert.deepEqual(languages, []);
  });
});
