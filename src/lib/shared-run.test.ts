// Reads that are shared.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SharedRun } from './shared-run.ts';

describe('a shared run', () => {
  it('is never one that began before the caller asked, and serves all who wait for it', async () => {
    const shared = new SharedRun<number>();
    let [begun, truth] = [0, 0];
    const ask = () =>
      shared.run('one', async () => {
        begun++;
        const seen = truth;
        await new Promise((resolve) => setImmediate(resolve));
        return seen;
      });
    const first = ask();
    truth = 1;
    const others = Array.from({ length: 100 }, ask);
    assert.equal(await first, 0);
    assert.deepEqual(new Set(await Promise.all(others)), new Set([1]));
    assert.equal(begun, 2);
    truth = 2;
    assert.equal(await ask(), 2);
  });

  it('fails those alone who wait for it', async () => {
    const shared = new SharedRun<number>();
    let fails = true;
    const ask = () =>
      shared.run('one', async () => {
        const failing = fails;
        await new Promise((resolve) => setImmediate(resolve));
        if (failing) throw new Error('it fails');
        return 1;
      });
    const first = ask();
    fails = false;
    const second = ask();
    await assert.rejects(first, /it fails/);
    assert.equal(await second, 1);
  });
});
