// Surveys of a large store on SQLite: their statements run in a thread of their own.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { putMigratedStore } from '../migrated.ts';
import { defer, type Scope, temporaryFolder } from '../support.ts';

async function opened(t: Scope, surveyBytesMin: number) {
  const dataDir = await temporaryFolder(t);
  await putMigratedStore(dataDir);
  const store = await openSqlite({ dataDir, now: Date.now, surveyBytesMin });
  defer(t, () => store.close());
  return store;
}

describe('a survey', () => {
  it('lets the event loop go on while a statement runs, in a store that is large', async (t) => {
    for (const [bytesMin, isLarge] of [
      [0, true],
      [Number.MAX_SAFE_INTEGER, false],
    ] as const) {
      const store = await opened(t, bytesMin);
      let hasTurned = false;
      const turn = setImmediate(() => {
        hasTurned = true;
      });
      await store.survey('system', (work) => work.organisations.areSeveral());
      clearImmediate(turn);
      assert.equal(hasTurned, isLarge);
    }
  });

  it('sees what was committed, and gives what a read gives', async (t) => {
    const store = await opened(t, 0);
    await store.write('system', (work) => work.organisations.ensure('one'));
    const [{ id } = { id: 0 as never }] = await store.survey('system', (work) =>
      work.organisations.list(),
    );
    const both = [
      await store.survey('system', (work) => work.organisations.quotas(id)),
      await store.read('system', (work) => work.organisations.quotas(id)),
      await store.survey('system', (work) => work.counts()),
      await store.read('system', (work) => work.counts()),
    ];
    assert.deepEqual(both[0], both[1]);
    assert.deepEqual(both[2], both[3]);
    await store.write('system', (work) => work.organisations.ensure('two'));
    assert.equal(await store.survey('system', (work) => work.organisations.areSeveral()), true);
  });

  it('fails with the error of the work or of the statement, and the next one goes on', async (t) => {
    const store = await opened(t, 0);
    const missing = store.survey('system', (work) => work.organisations.byName('none'));
    await assert.rejects(missing, { code: 'not_found' });
    const wrong = store.survey('system', (work) => work.organisations.byName({} as never));
    await assert.rejects(wrong);
    assert.deepEqual(await store.survey('system', (work) => work.organisations.list()), []);
  });

  it('leaves nothing that keeps the process when the store is closed beside it', async (t) => {
    const dataDir = await temporaryFolder(t);
    await putMigratedStore(dataDir);
    const store = await openSqlite({ dataDir, now: Date.now, surveyBytesMin: 0 });
    const asked = store.survey('system', (work) => work.organisations.list());
    await Promise.all([asked.catch(() => {}), store.close()]);
  });
});
