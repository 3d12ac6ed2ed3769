// A short run of the full house. npm run soak -- --house makes the long one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leftOutWithoutIncus } from '../incus/cluster.ts';
import { runHouse } from './house.ts';
import { newSeed } from './random.ts';

describe('three servers, PostgreSQL and a cluster', { skip: leftOutWithoutIncus }, () => {
  it('lose no acknowledged change while each of them dies once', async (t) => {
    const seed = newSeed();
    t.diagnostic(`seed ${seed}`);
    const { calls, repeated, problems } = await runHouse(t, {
      seed,
      disturbances: ['server', 'database', 'daemon'],
      clients: 3,
      say: (line) => t.diagnostic(line),
    });
    t.diagnostic(`${calls} answers, ${repeated} calls were repeated`);
    assert.deepEqual(problems, []);
    assert.ok(calls > 5);
  });
});
