// The search for due jobs on SQLite steps through its index, however many jobs wait.

import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { storeFile } from '../../src/store/sqlite/database.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { fillQueue, tenOfEach, waitingOf } from '../contract/store/queue.ts';
import { putMigratedStore } from '../migrated.ts';
import { defer, temporaryFolder } from '../support.ts';

describe('the search for due jobs on SQLite', () => {
  it('looks for each job in an index, and scans no table', async (t) => {
    const dataDir = await temporaryFolder(t);
    await putMigratedStore(dataDir);
    const statements: string[] = [];
    const onQuery = (sql: string) => void statements.push(sql);
    const store = await openSqlite({ dataDir, now: Date.now, onQuery });
    defer(t, () => store.close());
    const database = new DatabaseSync(storeFile(dataDir));
    defer(t, () => database.close());
    database.exec(fillQueue({ organisations: 4, count: 20_000, now: Date.now() }));
    const due = await store.read('system', (work) => work.jobs.due(tenOfEach, 60_000));
    assert.deepEqual(waitingOf(due), [1, 2, 3, 4]);
    const plans = database
      .prepare(`explain query plan ${statements.at(-1)}`)
      .all()
      .map(({ detail }) => String(detail));
    const ofJobs = plans.filter((step) => /\b(job|one)\b/.test(step));
    assert.ok(ofJobs.length > 10, plans.join('\n'));
    for (const step of ofJobs)
      assert.match(
        step,
        /^SEARCH (job|one) USING (COVERING INDEX job_queued|INTEGER PRIMARY KEY) /,
      );
  });
});
