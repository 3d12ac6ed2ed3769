// The list of transfers, which is read and emptied by what follows an item.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startHarness } from './harness.ts';

describe('a list of transfers', () => {
  it('is emptied page by page, also where the collector removes what was deleted meanwhile', async (t) => {
    const h = await startHarness(t, { reconcile: false });
    const opened: string[] = [];
    for (let number = 0; number < 7; number++)
      opened.unshift((await h.call('imageImport', { body: { size_bytes: 5 } })).body.id);
    await h.call('imageImport', { body: { size_bytes: 5 } }, h.keys.theirs);
    const seen: string[] = [];
    let query = '?per_page=2';
    for (;;) {
      const {
        transfers,
        count,
        next_before: before,
      } = (await h.call('transferList', { query })).body;
      assert.equal(count, 7 - seen.length);
      for (const { id } of transfers) {
        seen.push(id);
        assert.equal((await h.call('transferDelete', { params: { id } })).status, 200);
      }
      await h.service.reconciler.task('collect');
      if (before === null) break;
      query = `?per_page=2&before=${before}`;
    }
    assert.deepEqual(new Set(seen), new Set(opened));
    assert.equal(seen.length, 7);
    assert.equal((await h.call('transferList')).body.count, 0);
    assert.equal((await h.call('transferList', {}, h.keys.theirs)).body.count, 1);
    for (const wrong of ['5', 'x-y', '-abc', '1-', '1-A', ''])
      assert.equal(
        (await h.call('transferList', { query: `?before=${wrong}` })).body.client_code,
        400,
        wrong,
      );
  });
});
