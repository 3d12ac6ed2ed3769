// The file of a transfer: when it is written, and when it is removed.

import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { AppError } from '../../src/domain/error.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { transfers } from './transfers.ts';

describe('the file of a transfer', () => {
  const fileOf = (h: { dataDir: string }, id: string) => join(h.dataDir, 'transfers', id);

  it('stays when the store refuses the deletion, and after a deletion is hidden at once and removed later', async (t) => {
    let refuses = false;
    const wrapStore = (store: Store): Store => ({
      ...store,
      write: (scope, work) =>
        store.write(scope, async (unit) => {
          const result = await work(unit);
          if (refuses) throw new AppError('unavailable', 'The store refuses on purpose.');
          return result;
        }),
    });
    const { h, imported } = await transfers(t, { wrapStore });
    const { id } = await imported('some bytes');
    const file = fileOf(h, id);
    refuses = true;
    assert.equal((await h.call('transferDelete', { params: { id } })).status, 503);
    refuses = false;
    await h.service.reconciler.task('collect');
    assert.equal(await readFile(file, 'utf8'), 'some bytes');
    assert.equal((await h.call('transferGet', { params: { id } })).status, 200);
    assert.equal((await h.call('transferDelete', { params: { id } })).status, 200);
    // If the server were killed here, its row would tell the next server to remove the file.
    for (const name of ['transferGet', 'transferDelete', 'transferFinish'] as const)
      assert.equal((await h.call(name, { params: { id } })).status, 404, name);
    await h.service.reconciler.task('collect');
    await assert.rejects(readFile(file), /ENOENT/);
    assert.deepEqual(await h.store.read('system', (work) => work.transfers.deleted()), []);
  });

  it('is removed by the collector when the store knows no such transfer', async (t) => {
    const { h, imported } = await transfers(t);
    const { id } = await imported('some bytes');
    for (const name of ['0123', `${id}.part`]) await writeFile(fileOf(h, name), 'left by a kill');
    await h.service.reconciler.task('collect');
    assert.deepEqual(
      (await readdir(join(h.dataDir, 'transfers'))).sort(),
      [id, `${id}.part`].sort(),
    );
  });

  it('takes exactly one of several parts that arrive for the same place at the same time', async (t) => {
    const { h, part } = await transfers(t);
    const bytes = 1024 ** 2;
    const { id } = (await h.call('imageImport', { body: { size_bytes: bytes } })).body;
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((letter) => part(id, 0, letter.repeat(bytes))),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409, 409]);
    const winner = 'abcd'[answers.findIndex(({ status }) => status === 200)] ?? '';
    assert.equal(await readFile(fileOf(h, id), 'utf8'), winner.repeat(bytes));
  });

  it("is written outside the store's transaction, so that no other writer waits for it", async (t) => {
    const sizes: number[] = [];
    let file = '';
    const wrapStore = (store: Store): Store => ({
      ...store,
      async write(scope, work) {
        if (file !== '') sizes.push((await stat(file).catch(() => ({ size: 0 }))).size);
        return store.write(scope, work);
      },
    });
    const { h, part } = await transfers(t, { wrapStore });
    const { id } = (await h.call('imageImport', { body: { size_bytes: 10 } })).body;
    file = fileOf(h, id);
    assert.equal((await part(id, 0, 'all of it!')).status, 200);
    assert.deepEqual(sizes, [10]);
  });
});
