// /readyz, by which an operator's tools see whether the server can work.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Engine } from '../../src/engine/port/engine.ts';
import type { Store } from '../../src/store/port/unit-of-work.ts';
import { waitFor } from '../support.ts';
import { startHarness } from './harness.ts';

describe('/readyz', () => {
  it('writes to the store and checks the engine, once for all callers within two seconds', async (t) => {
    let [looks, failing] = [0, false];
    const counted = (engine: Engine): Engine => ({
      ...engine,
      check(given) {
        looks++;
        return engine.check(given);
      },
    });
    const wrapStore = (store: Store): Store => ({
      ...store,
      write: async (scope, work) => {
        if (failing) throw new Error('EIO');
        return store.write(scope, work);
      },
    });
    const h = await startHarness(t, { reconcile: false, wrapEngine: counted, wrapStore });
    const ask = () => h.send({ method: 'GET', path: '/readyz' });
    const answers = await Promise.all(Array.from({ length: 20 }, ask));
    assert.deepEqual([answers.filter(({ status }) => status === 200).length, looks], [20, 1]);
    failing = true;
    assert.equal((await ask()).status, 200);
    const sick = await waitFor('it is asked anew', async () => {
      const answer = await ask();
      return answer.status !== 200 && answer;
    });
    assert.deepEqual([sick.status, looks], [503, 2]);
    assert.match(sick.body.message, /the log says why/);
  });
});
