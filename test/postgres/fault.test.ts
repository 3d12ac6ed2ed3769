// Faults of the database while a store is open: full disks, locks that are not released, and values
// that it refuses.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import pg from 'pg';
import type { ImageId, SoftwareId } from '../../src/domain/ids.ts';
import { fill, smallDisk } from '../small-disk.ts';
import { leftOutWithoutRoot, type Scope, waitFor } from '../support.ts';
import { add, opened } from './opened.ts';
import { startPostgres } from './server.ts';
import { sharedPostgres } from './shared.ts';

const server = await sharedPostgres();

/** A disk that the database's user may use. */
async function diskFor(t: Scope, sizeMb: number): Promise<string> {
  const folder = await smallDisk(t, sizeMb);
  await chmod(dirname(folder), 0o711);
  execFileSync('chown', ['postgres:postgres', folder]);
  return folder;
}

describe('a full disk of the database', { skip: leftOutWithoutRoot }, () => {
  it('fails the write that finds it so, and says what to do', async (t) => {
    const folder = await diskFor(t, 24);
    await server.query(`create tablespace small location '${folder}'`);
    await server.query('create database small template = template0 tablespace = small');
    const url = server.url('small');
    const store = await opened(t, url);
    await add(store, 'before');
    const ballast = await fill(folder, 0);
    // Rows go to pages that are there already, until those are full.
    const long = (n: number) => `${n} ${'long '.repeat(400)}`;
    let full: unknown;
    for (let n = 0; n < 500 && full === undefined; n++)
      await add(store, long(n)).catch((error) => {
        full = error;
      });
    await assert.rejects(() => Promise.reject(full), {
      code: 'unavailable',
      retry: 'later',
      message: /The disk of the database is full; nothing was changed. Free some space/,
    });
    await store.read('system', (work) => work.organisations.list());
    await rm(ballast);
    await add(store, long(1000));
    await server.query('drop database small with (force)');
    await server.query('drop tablespace small');
  });
});

describe('a disk that is full for the log of the database too', {
  skip: leftOutWithoutRoot,
}, () => {
  it('loses nothing that was acknowledged, and all goes on when there is room', async (t) => {
    const folder = await diskFor(t, 160);
    const own = await startPostgres(t, ['wal_recycle=off', 'max_wal_size=32MB'], folder);
    const url = await own.databaseWithTables();
    const store = await opened(t, url);
    const ballast = await fill(folder, 4 * 1024 ** 2);
    const acknowledged: string[] = [];
    let failed: unknown;
    for (let n = 0; n < 5000 && failed === undefined; n++) {
      const name = `${n} ${randomBytes(1200).toString('hex')}`;
      await add(store, name).then(
        () => acknowledged.push(name),
        (error) => {
          failed = error;
        },
      );
    }
    assert.ok(acknowledged.length > 0);
    await assert.rejects(() => Promise.reject(failed), { code: 'unavailable', retry: 'later' });
    await rm(ballast);
    await waitFor('a write is done', async () => {
      if (own.hasEnded()) await own.start();
      return add(store, 'after').then(
        () => true,
        () => false,
      );
    });
    const kept = await own.query('select name from organisation', url);
    const names = new Set(kept.map(({ name }) => name));
    assert.deepEqual(
      acknowledged.filter((name) => !names.has(name)),
      [],
    );
    t.diagnostic(`${acknowledged.length} writes; then: ${(failed as Error).message}`);
  });
});

describe('a database that is busy', () => {
  it('fails a statement that takes too long, and undoes its transaction', async (t) => {
    const url = await server.databaseWithTables();
    const patient = new URL(url);
    patient.searchParams.set('statement_timeout', '200');
    const store = await opened(t, patient.href);
    const blocker = new pg.Client({ connectionString: url });
    await blocker.connect();
    await blocker.query('begin; lock table access_key in exclusive mode');
    await assert.rejects(
      store.write('system', async (work) => {
        await work.organisations.ensure('one');
        await work.keys.revoke('none' as never);
        await work.keys.add({
          ...{ id: 'key', organisationId: 1, name: 'key', secretSealed: 's', masterKeyId: 'm' },
          ...{ permissions: [], expiresAt: null },
        } as never);
      }),
      { code: 'unavailable', retry: 'later', message: /took too long; nothing was changed/ },
    );
    await blocker.end();
    assert.deepEqual(await store.read('system', (work) => work.organisations.list()), []);
  });
});

describe('values that PostgreSQL refuses', () => {
  it('keeps the output of a guest, with another character for each NUL', async (t) => {
    const url = await server.databaseWithTables();
    const store = await opened(t, url);
    const organisationId = await add(store, 'one');
    const output = 'before\0after \uD800 and \\u0000';
    const [imageId, softwareId] = await store.write('system', async (work) => {
      const recipe = { script: 'true', files: [], network: false, timeoutMs: 1 };
      const title = await work.software.add({
        ...{ name: 'Tool', sizeGb: 1, recipe, recipeDigest: 'd' },
      } as never);
      const image = await work.images.add({
        ...{ organisationId, name: null, sizeGb: 1, source: 'seat' as const },
        ...{ baseImageId: null, machineId: null },
      });
      const step = { position: 1, softwareId: title.id, cache: 'miss', exitCode: 0, durationMs: 1 };
      await work.images.recordStep(image.id, { ...step, output } as never);
      return [image.id as ImageId, title.id as SoftwareId] as const;
    });
    const [steps, said] = await store.read('system', async (work) => [
      await work.images.steps(imageId),
      await work.images.stepOutput(imageId, 1, 0, 100),
    ]);
    assert.deepEqual(
      [steps.map((step) => step.softwareId), said],
      [[softwareId], 'before\uFFFDafter \uFFFD and \\u0000'],
    );
  });

  it('finds nothing for the largest ids that a request may have', async (t) => {
    const store = await opened(t, await server.databaseWithTables());
    const ids = [1, Number.MAX_SAFE_INTEGER].map((id) => id as ImageId);
    for (const id of ids)
      assert.equal(await store.read('system', (work) => work.images.find(id)), undefined);
    assert.deepEqual(await store.read('system', (work) => work.images.softwareOf(ids)), []);
  });
});
