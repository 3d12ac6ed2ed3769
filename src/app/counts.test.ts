// The counts for the metrics: how often they are made.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Store } from '../store/port/unit-of-work.ts';
import { ServiceCounter } from './counts.ts';

/**
 * A store whose counts are the number of times that it was asked, after some ms of its own clock.
 */
function storeThatTakes(t: TestContext, ms: number) {
  let [asked, now] = [0, 0];
  t.mock.method(performance, 'now', () => now);
  let fails = false;
  const store = {
    async survey() {
      asked++;
      await new Promise(setImmediate);
      now += ms;
      if (fails) throw new Error('away');
      return { counts: asked };
    },
  } as unknown as Store;
  const breakIt = () => {
    fails = true;
  };
  return { store, asked: () => asked, breakIt };
}

describe('the counts of the service', () => {
  it('are made for each caller while they take hardly any time', async (t) => {
    const counter = new ServiceCounter(storeThatTakes(t, 0).store);
    assert.deepEqual(await counter.counts(), { counts: 1 });
    assert.deepEqual(await counter.counts(), { counts: 2 });
  });

  it('are those of the last count for a while when they take long', async (t) => {
    const slow = storeThatTakes(t, 60);
    const counter = new ServiceCounter(slow.store);
    const [one, other] = await Promise.all([counter.counts(), counter.counts()]);
    assert.deepEqual([one, other], [{ counts: 1 }, { counts: 1 }]);
    assert.deepEqual(await counter.counts(), { counts: 1 });
    assert.equal(slow.asked(), 1);
  });

  it('are refused while the store cannot be read', async (t) => {
    const broken = storeThatTakes(t, 0);
    const counter = new ServiceCounter(broken.store);
    await counter.counts();
    broken.breakIt();
    await assert.rejects(counter.counts(), /away/);
    await assert.rejects(counter.counts(), /away/);
  });
});
