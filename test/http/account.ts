// The account of the host in tests of the whole stack.

import assert from 'node:assert/strict';
import { isSomething } from '../../src/domain/account.ts';
import type { Harness } from './harness.ts';

export const gb = 1024 ** 3;

/** The kept account of the host, after it was checked that its sums are those of the rows. */
export async function accountOf(h: Harness) {
  const { account, kept, rows } = await h.store.read('system', async (work) => ({
    account: await work.account.host(),
    kept: (await work.account.kinds()).filter(isSomething),
    rows: await work.account.recounted(),
  }));
  assert.deepEqual(kept, rows);
  assert.ok(account);
  return account;
}

export const measure = (h: Pick<Harness, 'service'>) => h.service.reconciler.task('measure');

export async function fill(h: Pick<Harness, 'engine' | 'service'>, freeGb: number) {
  h.engine.setCapacity({ totalBytes: 100 * gb, freeBytes: Math.floor(freeGb * gb) });
  await measure(h);
}
