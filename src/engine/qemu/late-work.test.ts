// Late work waits for starts, but not for ever.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitFor } from '../../../test/support.ts';
import { systemClock } from '../../lib/clock.ts';
import { LateWork } from './late-work.ts';

const never = () => new Promise<void>(() => {});

describe('late work', () => {
  it('is done one after the other when nothing starts any more', async () => {
    const late = new LateWork();
    const done: number[] = [];
    const started = Promise.withResolvers<void>();
    const start = late.during(() => started.promise);
    for (const id of [1, 2]) late.add(() => done.push(id));
    await systemClock.sleep(600);
    assert.deepEqual(done, []);
    started.resolve();
    await start;
    await waitFor('the first is done', async () => done.length > 0);
    assert.deepEqual(done, [1]);
    await waitFor('both are done', async () => done.length > 1);
    assert.deepEqual(done, [1, 2]);
  });

  it('does not wait for a start that failed', async () => {
    const late = new LateWork();
    await assert.rejects(late.during(() => Promise.reject(new Error('no start'))));
    const done: number[] = [];
    late.add(() => done.push(1));
    await waitFor('it is done', async () => done.length > 0);
  });

  it('is done in time while machines start without end', async () => {
    const late = new LateWork(600);
    const done: number[] = [];
    late.during(never);
    const begunAt = performance.now();
    late.add(() => done.push(1));
    await waitFor('it is done', async () => done.length > 0);
    assert.ok(performance.now() - begunAt >= 600);
  });

  it('begins when the engine closes', () => {
    const late = new LateWork();
    const done: number[] = [];
    late.during(never);
    for (const id of [1, 2]) late.add(() => done.push(id));
    late.close();
    assert.deepEqual(done, [1, 2]);
  });
});
