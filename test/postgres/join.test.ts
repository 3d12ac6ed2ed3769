// A server that joins others on one database is compared with them before it serves.

import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { takeEngineLease } from '../../src/server/engine-lease.ts';
import { parseConfig } from '../../src/server/options.ts';
import { openWorkedEngine } from '../../src/server/replica.ts';
import { type Running, serve } from '../../src/server/serve.ts';
import { defer, type Scope, temporaryFolder, waitFor } from '../support.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

const ended = new WeakSet<Running>();
async function end(running: Running): Promise<void> {
  if (ended.has(running)) return;
  ended.add(running);
  await running.close();
}

async function startedOn(t: Scope, url: string) {
  const folder = await temporaryFolder(t);
  const start = async (name: string, more: Record<string, string> = {}, engine = 'simulator') => {
    const running = await serve(
      parseConfig(
        { dataDir: join(folder, name), port: '0', logLevel: 'silent', engine },
        { SILVERSMITH_DATABASE_URL: url, ...more },
      ),
    );
    defer(t, () => end(running));
    return running;
  };
  const first = await start('first');
  const copy = async (...names: string[]) => {
    await mkdir(join(folder, 'other'), { recursive: true });
    for (const name of names)
      await copyFile(join(folder, 'first', name), join(folder, 'other', name));
  };
  return {
    folder,
    first,
    start,
    copy,
    shared: { SILVERSMITH_TRANSFERS_DIR: join(folder, 'first') },
  };
}

describe('a server that joins others', () => {
  it('is refused with what it lacks, one thing after the other, and then answers', async (t) => {
    const s = await startedOn(t, await server.database());
    const { start, copy, shared } = s;
    await assert.rejects(
      start('other'),
      /master key is another one than that of the other servers/,
    );
    await copy('master.key');
    await rm(join(s.folder, 'other', 'signing.key'));
    await assert.rejects(
      start('other'),
      /Copy signing\.key from the data directory of one of them/,
    );
    await copy('signing.key');
    await assert.rejects(start('other'), /is not the folder of transfers that the other servers/);
    const other = await start('other', shared);
    assert.equal((await fetch(`${other.url}/readyz`)).status, 200);
    assert.deepEqual([s.first.worksEngine, other.worksEngine], [true, false]);
    assert.throws(() => other.engine, /The data of the engine is not in/);
  });

  it('with another engine is refused', async (t) => {
    const { start, copy, shared } = await startedOn(t, await server.database());
    await copy('master.key', 'signing.key');
    await assert.rejects(
      start('other', shared, 'qemu'),
      /belongs to the simulator engine, and qemu/,
    );
  });

  it('and has a store of its own, or a folder of transfers of others, is refused', async (t) => {
    const { folder, start, copy, shared } = await startedOn(t, await server.database());
    await copy('master.key', 'signing.key');
    await writeFile(join(folder, 'other', 'silversmith.db'), 'rows');
    await assert.rejects(start('other', shared), /has a store of its own.*store copy --to/);
    await rm(join(folder, 'other', 'silversmith.db'));
    await writeFile(join(folder, 'other', 'transfers.id'), 'another\n');
    await assert.rejects(start('other'), /is not the folder of transfers/);
    assert.equal(await readFile(join(folder, 'other', 'transfers.id'), 'utf8'), 'another\n');
  });

  it('with a copy of the engine’s data leaves the engine to the server that works it', async (t) => {
    const url = await server.database();
    const { folder, first, start, copy, shared } = await startedOn(t, url);
    await copy('master.key', 'signing.key', 'installation.json');
    const other = await start('other', shared);
    assert.deepEqual([first.worksEngine, other.worksEngine], [true, false]);
    const config = parseConfig(
      { dataDir: join(folder, 'other') },
      { SILVERSMITH_DATABASE_URL: url, ...shared },
    );
    // An operator's command there would write into the copy.
    await assert.rejects(openWorkedEngine(config, other.store), /data of the engine is not in/);
    // The first ends, and the other takes over by itself.
    await end(first);
    await waitFor('the other takes over', () => other.worksEngine, 60_000);
    other.reconciler.nudge();
    assert.equal(await takeEngineLease(other.store, folder, 'another host'), null);
    assert.equal((await openWorkedEngine(config, other.store)).name, 'simulator');
  });

  it('may come at the same moment as the first, and one installation comes of it', async (t) => {
    const url = await server.database();
    const folder = await temporaryFolder(t);
    const key = 'a'.repeat(64);
    const start = (name: string) =>
      serve(
        parseConfig(
          { dataDir: join(folder, name), port: '0', logLevel: 'silent', engine: 'simulator' },
          {
            SILVERSMITH_DATABASE_URL: url,
            SILVERSMITH_MASTER_KEY: key,
            SILVERSMITH_TRANSFERS_DIR: join(folder, 'shared'),
          },
        ),
      );
    const results = await Promise.allSettled([start('one'), start('two')]);
    const running = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    for (const one of running) defer(t, () => one.close());
    const refused = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    // The signing keys differ, so the second is told to copy that of the first.
    assert.equal(running.filter(({ worksEngine }) => worksEngine).length, 1);
    for (const error of refused) assert.match(String(error), /signs exports|transfers/);
    assert.equal((await server.query('select count(*) as n from installation', url))[0]?.n, '1');
  });
});
