// The fence refuses older tokens, keeps two owners from working at once, and forgets what is long
// ago.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JobId, LayerId } from '../domain/ids.ts';
import { Fence } from './fence.ts';
import type { Call } from './port/call.ts';

const callOf = (jobId: number, attempt: number, signal = new AbortController().signal): Call => ({
  signal,
  token: { jobId: jobId as JobId, attempt },
});
const layer = 'layer' as LayerId;
const late = { code: 'unavailable', retry: 'later' };

describe('the fence of an engine', () => {
  it('begins a newer call only when the older one on the same thing has ended', async () => {
    const fence = new Fence();
    const order: string[] = [];
    const begun = Promise.withResolvers<void>();
    const older = fence.pass([layer], callOf(1, 1), async ({ signal }) => {
      begun.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await new Promise((resolve) => setImmediate(resolve));
      order.push('the older call has ended');
      signal.throwIfAborted();
    });
    const isLate = assert.rejects(older, late);
    await begun.promise;
    const newer = fence.pass([layer], callOf(1, 2), async () => {
      order.push('the newer call has begun');
    });
    await isLate;
    await newer;
    assert.deepEqual(order, ['the older call has ended', 'the newer call has begun']);
  });

  it('says that the disk is full, whatever a call did when it met that', async () => {
    const fence = new Fence();
    for (const token of [null, callOf(1, 1).token])
      for (const code of ['ENOSPC', 'EDQUOT']) {
        const fails = async () => {
          throw Object.assign(new Error('write'), { code });
        };
        const passed = fence.pass([layer], { ...callOf(1, 1), token }, fails);
        await assert.rejects(passed, { code: 'no_capacity', retry: 'later' });
      }
    const defect = new TypeError('a defect');
    await assert.rejects(
      fence.pass([layer], callOf(1, 1), () => Promise.reject(defect)),
      defect,
    );
  });

  it('does not hold up calls on other things, or of the same claim', async () => {
    const fence = new Fence();
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = fence.pass([layer], callOf(1, 1), () => promise);
    await fence.pass([layer], callOf(1, 1), async () => {});
    await fence.pass(['other' as LayerId], callOf(2, 1), async () => {});
    resolve();
    await first;
  });

  it('ends a call that waits when an even newer one comes', async () => {
    const fence = new Fence();
    const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const first = fence.pass([layer], callOf(1, 1), () => {
      begun.resolve();
      return end.promise;
    });
    await begun.promise;
    const second = fence.pass([layer], callOf(1, 2), async () => assert.fail('it is late'));
    const isLate = assert.rejects(second, late);
    const third = fence.pass([layer], callOf(1, 3), async () => 'done');
    end.resolve();
    await first;
    await isLate;
    assert.equal(await third, 'done');
  });

  it('keeps in mind the things touched last, and no more than ten thousand', async () => {
    const fence = new Fence();
    const touch = (id: string, attempt: number) =>
      fence.pass([id as LayerId], callOf(id === 'first' ? 1 : 2, attempt), async () => {});
    await touch('first', 2);
    for (let other = 0; other < 5000; other++) await touch(`other ${other}`, 1);
    await assert.rejects(touch('first', 1), late);
    for (let other = 5000; other < 15_001; other++) await touch(`other ${other}`, 1);
    await touch('first', 1);
  });
});
